//! The front for the `log` facade.

use std::fmt::Write;

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::client::Client;
use crate::format::{json_display, json_str, with_text, Format};
use crate::writer::is_writer;
use crate::Level;

/// A `log::Log` that hands every record to a [`Client`].
///
/// ```
/// # let client = splashdam::Client::builder("/tmp/example.sock").build();
/// splashdam::Logger::new(client).max_level(log::LevelFilter::Info).init().expect("no other logger");
/// log::info!("an app that logs");
/// ```
#[derive(Debug, Clone)]
pub struct Logger {
    client: Client,
    max_level: LevelFilter,
    format: Format,
}

impl Logger {
    /// A logger for levels up to info, as JSON.
    pub fn new(client: Client) -> Self {
        Self { client, max_level: LevelFilter::Info, format: Format::default() }
    }

    /// The most verbose level that is logged.
    pub fn max_level(mut self, level: LevelFilter) -> Self {
        self.max_level = level;
        self
    }

    /// How records are written.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Makes it the program's logger.
    pub fn init(self) -> Result<(), SetLoggerError> {
        let max_level = self.max_level;
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(max_level);
        Ok(())
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.max_level && !is_writer()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        with_text(|text| {
            match self.format {
                Format::Json => {
                    text.push_str("{\"level\":\"");
                    text.push_str(record.level().as_str());
                    text.push_str("\",\"target\":");
                    json_str(text, record.target());
                    text.push_str(",\"message\":");
                    json_display(text, *record.args());
                    text.push('}');
                }
                Format::Text => {
                    // A value whose `Display` fails has written what it could.
                    let _ = write!(text, "{} {}: {}", record.level(), record.target(), record.args());
                }
            }
            self.client.log(text);
        });
    }

    /// Waits until the sidecar has what was logged, for two seconds at most.
    fn flush(&self) {
        self.client.flush(Level::Admitted, std::time::Duration::from_secs(2));
    }
}
