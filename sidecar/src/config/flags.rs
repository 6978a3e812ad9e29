//! The settings as flags, made from the table.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::cgroup;
use super::model::Config;
use super::pod::PodFacts;
use super::raw::{Given, Origin, Raw};
use super::table::{settings, Setting, Takes, SECTIONS};

/// What the command line sets. Flattened into a command's arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(Vec<Given>);

impl Flags {
    pub(crate) fn given(&self) -> &[Given] {
        &self.0
    }

    fn read(matches: &ArgMatches) -> Self {
        Self(settings().filter_map(|setting| given(setting, matches)).collect())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let rows = SECTIONS.iter().flat_map(|section| section.settings.iter().map(move |setting| (section, setting)));
        rows.fold(command, |command, (section, setting)| command.arg(argument(setting).help_heading(section.title)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::read(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::read(matches);
        Ok(())
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.key).long(setting.flag()).value_name(setting.value_name).help(help(setting));
    let argument = match setting.alias {
        Some(alias) => argument.visible_alias(alias.replace('_', "-")),
        None => argument,
    };
    match setting.takes {
        Takes::One => argument.action(ArgAction::Set),
        Takes::Many => argument.action(ArgAction::Append),
        Takes::Optional(alone) => {
            argument.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value(alone)
        }
    }
}

/// The table's line, with the default that follows from the table, too.
fn help(setting: &Setting) -> String {
    let mut config = Config::defaults(PodFacts::default(), cgroup::default_memory(None));
    let default = (setting.field)(&mut config).show().unwrap_or_default();
    match default.trim_matches('"') {
        "" | "[]" | "{}" => setting.help.to_owned(),
        default => format!("{} [default: {default}]", setting.help),
    }
}

fn given(setting: &Setting, matches: &ArgMatches) -> Option<Given> {
    let mut values = matches.get_many::<String>(setting.key)?.cloned();
    let raw = match setting.takes {
        Takes::Many => Raw::Items(values.flat_map(|value| split(&value)).collect()),
        Takes::One | Takes::Optional(_) => Raw::Text(values.next()?),
    };
    Some(Given { key: setting.key.to_owned(), raw, origin: Origin::Flag(format!("--{}", setting.flag())) })
}

fn split(value: &str) -> Vec<String> {
    value.split(',').map(|item| item.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arguments: &[&str]) -> Result<Vec<String>, clap::Error> {
        let command = Flags::augment_args(Command::new("t").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments)?;
        Ok(Flags::read(&matches).given().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_ways_of_writing() {
        let both = ["--socket-mode 0666", "--memory 1"];
        assert_eq!(flags(&["--memory=1", "--socket-mode", "0666"]).unwrap(), both);
        assert_eq!(flags(&["--log-group", "g", "--log-stream=s"]).unwrap(), ["--group g", "--stream s"]);
    }

    #[test]
    fn lists_and_switches() {
        assert_eq!(flags(&["--allow", "a:*", "--allow=b:*,c:*"]).unwrap(), ["--allow a:*,b:*,c:*"]);
        assert_eq!(flags(&["--fail-on-loss"]).unwrap(), ["--fail-on-loss true"]);
        assert_eq!(flags(&["--fail-on-loss=false"]).unwrap(), ["--fail-on-loss false"]);
        assert_eq!(flags(&["--exit-after-last-client"]).unwrap(), ["--exit-after-last-client 2s"]);
        assert_eq!(flags(&["--exit-after-last-client=9s"]).unwrap(), ["--exit-after-last-client 9s"]);
    }

    #[test]
    fn unknown_flags_are_refused_with_the_nearest() {
        let error = flags(&["--memroy", "1"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--memory"), "{error}");
        assert!(flags(&["--memory", "1", "--memory", "2"]).is_err());
    }
}
