//! `check`: the effective configuration, or everything that is wrong with it; with `--remote`, what CloudWatch says.

use super::out;
use crate::cli::{CheckArgs, Exit, Remote};
use crate::config::{describe, Config, Service, Surroundings};

mod policy;
mod remote;

/// Checks the configuration, and the remote end where asked to.
#[must_use]
pub fn check(args: &CheckArgs, around: &Surroundings) -> Exit {
    let loaded = match args.run.load(around) {
        Ok(loaded) => loaded,
        Err(errors) => {
            errors.0.iter().for_each(|problem| out::tell(&problem.to_string()));
            return Exit::Configuration;
        }
    };
    for warning in &loaded.warnings {
        out::tell(warning);
    }
    out::print(&describe(&loaded.config));
    match args.remote() {
        Remote::Leave => Exit::Success,
        Remote::Ask => check_remote(&loaded.config),
    }
}

fn check_remote(config: &Config) -> Exit {
    if config.service == Service::Disabled {
        out::print("\n# What CloudWatch says\ndisabled: nothing would be shipped, so there is nothing to ask\n");
        return Exit::Success;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::tell(&format!("cannot start the runtime: {error}"));
            return Exit::Failure;
        }
    };
    let findings = match runtime.block_on(remote::ask(config)) {
        Ok(findings) => findings,
        Err(error) => {
            out::tell(&error.to_string());
            return Exit::Configuration;
        }
    };
    out::print(&findings.to_string());
    out::print(&format!("\nThe least policy to ask for:\n{}\n", policy::minimal(config, findings.region.as_deref())));
    if findings.are_good() {
        Exit::Success
    } else {
        Exit::Failure
    }
}
