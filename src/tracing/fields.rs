//! Fields of events and spans, written as JSON members or as text.

use std::fmt::{self, Write};

use tracing_core::field::{Field, Visit};

use crate::format::{json_display, json_str, Format};

/// Writes fields one after the other. The message is kept apart: it comes first in a text, and is a member of its own.
pub(super) struct Fields<'a> {
    format: Format,
    out: &'a mut String,
    message: &'a mut String,
}

impl<'a> Fields<'a> {
    pub(super) fn new(format: Format, out: &'a mut String, message: &'a mut String) -> Self {
        Self { format, out, message }
    }

    fn name(&mut self, field: &Field) {
        match self.format {
            Format::Json => {
                if !self.out.is_empty() {
                    self.out.push(',');
                }
                json_str(self.out, field.name());
                self.out.push(':');
            }
            Format::Text => {
                if !self.out.is_empty() {
                    self.out.push(' ');
                }
                self.out.push_str(field.name());
                self.out.push('=');
            }
        }
    }

    /// A value that JSON can hold without quotes.
    fn bare(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.name(field);
        let _ = self.out.write_fmt(value);
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        self.name(field);
        match self.format {
            Format::Json => json_str(self.out, value),
            Format::Text => {
                let _ = write!(self.out, "{value:?}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
            return;
        }
        self.name(field);
        match self.format {
            Format::Json => json_display(self.out, format_args!("{value:?}")),
            Format::Text => {
                let _ = write!(self.out, "{value:?}");
            }
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field, format_args!("{value}"));
        } else {
            // JSON has no such number.
            self.record_debug(field, &value);
        }
    }
}
