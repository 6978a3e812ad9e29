//! The flags that put another shipper in the sidecar's place.

use clap::Args;

use super::External;
use crate::error::Result;

#[derive(Debug, Clone, Args)]
pub(crate) struct ShipperArgs {
    /// Another shipper in the sidecar's place; {endpoint}, {host}, {port}, {socket} and {dir} are filled in
    #[arg(long, value_name = "COMMAND", requires = "to")]
    shipper: Option<String>,
    /// Where that shipper takes lines: `unix:` and a socket's path, which may hold {dir}
    #[arg(long, value_name = "unix:PATH", requires = "shipper")]
    to: Option<String>,
    /// What the results call it [default: its program's name]
    #[arg(long, requires = "shipper")]
    name: Option<String>,
    /// Its version, for the results
    #[arg(long, value_name = "TEXT", requires = "shipper")]
    shipper_version: Option<String>,
}

impl ShipperArgs {
    /// What they come to; nothing where there is to be none but ours.
    pub(crate) fn external(&self) -> Result<Option<External>> {
        let (Some(command), Some(to)) = (&self.shipper, &self.to) else { return Ok(None) };
        External::parse(command, to, self.name.as_deref(), self.shipper_version.as_deref()).map(Some)
    }
}
