//! Names with fields: `{namespace}/{pod}/{date}`.
//!
//! A template is checked when the configuration is read; expanding it cannot fail. Values come from clients, so a
//! value can neither hold what a name may not contain nor a `/` that would forge another's prefix.

mod syntax;

use std::fmt;

use super::date::UtcDate;
use super::names::{LogGroup, LogStream};
use super::pod::PodFacts;
use syntax::{of_pod, Field, Template};

/// Who writes: what a connection tells about its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peer<'a> {
    /// As said in the hello; text clients say nothing.
    pub app: &'a str,
    /// As said in the hello; 0 where it is not known.
    pub pid: u32,
    /// As the kernel says.
    pub uid: u32,
}

/// When a stream's name can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Varies {
    /// Never: only facts of the pod are named.
    Never,
    /// With the client.
    ByClient,
    /// With the day, and perhaps with the client.
    ByDay,
}

/// A template for log streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTemplate(Template);

/// A template for the log group, of facts of the pod alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTemplate(Template);

impl StreamTemplate {
    /// `{pod}`, which outside of Kubernetes is the host name.
    pub(crate) fn of_pod() -> Self {
        Self(Template::of_field("pod", Field::Pod))
    }

    /// Checks fields and literal text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let template = Template::parse(text)?;
        let literals = template.literals();
        if template.fields().next().is_none() || !literals.is_empty() {
            LogStream::new(&literals).map_err(|error| error.to_string())?;
        }
        Ok(Self(template))
    }

    /// The stream of a client on a day. Always a valid name: what a stream may not contain becomes `-`, and what is
    /// longer than CloudWatch takes is cut.
    pub fn expand(&self, facts: &PodFacts, peer: &Peer<'_>, date: UtcDate) -> LogStream {
        LogStream::sanitised(&self.0.expand(|field| match field {
            Field::App if peer.app.is_empty() => facts.app.clone().unwrap_or_default(),
            Field::App => peer.app.to_owned(),
            Field::Pid => peer.pid.to_string(),
            Field::Uid => peer.uid.to_string(),
            Field::Date => date.to_string(),
            fact => of_pod(fact, facts),
        }))
    }

    /// When the expanded name can change.
    pub fn varies(&self) -> Varies {
        let varies = self.0.fields().map(|field| match field {
            Field::Date => Varies::ByDay,
            Field::App | Field::Pid | Field::Uid => Varies::ByClient,
            Field::Hostname | Field::Pod | Field::Namespace => Varies::Never,
        });
        varies.max().unwrap_or(Varies::Never)
    }

    pub(crate) fn check_facts(&self, facts: &PodFacts) -> Result<(), String> {
        self.0.missing(facts)
    }
}

impl GroupTemplate {
    /// Checks fields and literal text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let template = Template::parse(text)?;
        if template.fields().any(|field| !matches!(field, Field::Hostname | Field::Pod | Field::Namespace)) {
            return Err("a log group's name takes {hostname}, {pod} and {namespace} only; the others are for streams"
                .to_owned());
        }
        if template.fields().next().is_none() {
            LogGroup::new(text).map_err(|error| error.to_string())?;
        }
        Ok(Self(template))
    }

    /// The group in this pod.
    pub(crate) fn expand(&self, facts: &PodFacts) -> Result<LogGroup, String> {
        self.0.missing(facts)?;
        let name = self.0.expand(|field| of_pod(field, facts));
        LogGroup::new(&name).map_err(|error| format!("is `{name}` in this pod, and {error}"))
    }
}

impl fmt::Display for StreamTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())
    }
}

impl fmt::Display for GroupTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PodFacts {
        PodFacts { hostname: "node".into(), pod: "shop-1".into(), app: None, namespace: Some("shop".into()) }
    }

    fn expand(template: &str, app: &str) -> String {
        let peer = Peer { app, pid: 7, uid: 1_000 };
        let stream = StreamTemplate::parse(template).unwrap().expand(&facts(), &peer, UtcDate::from_unix_ms(0));
        stream.as_str().to_owned()
    }

    #[test]
    fn every_field() {
        assert_eq!(
            expand("{hostname}/{pod}/{namespace}/{app}.{pid}.{uid}/{date}", "web"),
            "node/shop-1/shop/web.7.1000/1970-01-01"
        );
        assert_eq!(expand("plain", "web"), "plain");
    }

    #[test]
    fn values_stay_in_their_place() {
        assert_eq!(expand("{app}", "a:b*c\nd"), "a-b-c-d");
        assert_eq!(expand("x/{app}", "../../etc"), "x/..-..-etc");
        assert_eq!(expand("x/{app}/y", ".."), "x/--/y");
        assert_eq!(expand("{app}", ""), "unknown");
        let facts = PodFacts { app: Some("shop/api".into()), ..facts() };
        let of = |app| {
            let peer = Peer { app, pid: 7, uid: 1_000 };
            StreamTemplate::parse("{app}").unwrap().expand(&facts, &peer, UtcDate::from_unix_ms(0)).to_string()
        };
        assert_eq!((of(""), of("web")), ("shop-api".to_owned(), "web".to_owned()));
        assert_eq!(expand("{app}", "{pid}"), "{pid}");
        assert_eq!(expand("p{app}", &"ü".repeat(600)).chars().count(), 512);
    }

    #[test]
    fn mistakes_are_told_with_the_nearest_field() {
        let refused = |text: &str| StreamTemplate::parse(text).unwrap_err();
        assert!(refused("{pdo}").ends_with("did you mean pod?"), "{}", refused("{pdo}"));
        assert!(refused("{hostnam}").contains("{hostname} {pod} {namespace} {app} {pid} {uid} {date}"));
        assert!(refused("a{pod").contains("brace"));
        assert!(refused("a}b").contains("brace"));
        assert!(refused("{}").contains("not a field"));
        assert!(refused("a:{pod}").contains("neither : nor *"));
        assert!(refused("").contains("at least one character"));
        assert!(refused(&"x".repeat(513)).contains("at most 512"));
        assert!(StreamTemplate::parse(&"x".repeat(512)).is_ok());
    }

    #[test]
    fn it_says_when_it_varies() {
        let varies = |text: &str| StreamTemplate::parse(text).unwrap().varies();
        assert_eq!(varies("{pod}"), Varies::Never);
        assert_eq!(varies("{pod}-{uid}"), Varies::ByClient);
        assert_eq!(varies("{app}-{date}"), Varies::ByDay);
    }

    #[test]
    fn groups_take_facts_of_the_pod() {
        let group = |text: &str| GroupTemplate::parse(text)?.expand(&facts()).map(|group| group.to_string());
        assert_eq!(group("/apps/{namespace}"), Ok("/apps/shop".to_owned()));
        assert!(group("{app}").unwrap_err().contains("for streams"));
        assert!(group("a b").unwrap_err().contains("letters, digits"));
        assert!(group("a b{pod}").unwrap_err().contains("in this pod"));
        let nowhere = PodFacts::default();
        let error = GroupTemplate::parse("{namespace}").unwrap().expand(&nowhere).unwrap_err();
        assert!(error.contains("POD_NAMESPACE"));
        assert!(StreamTemplate::parse("{namespace}").unwrap().check_facts(&nowhere).is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_parses_expands_to_a_valid_name(text in ".{0,40}|(\\{app\\}|\\{pod\\}|[a-z/:*.]){0,6}", app in ".{0,40}") {
            if let Ok(template) = StreamTemplate::parse(&text) {
                let name = template.expand(&facts(), &Peer { app: &app, pid: 0, uid: 0 }, UtcDate::from_unix_ms(0));
                proptest::prop_assert!(LogStream::new(name.as_str()).is_ok());
            }
        }
    }
}
