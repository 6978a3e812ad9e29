//! The layer: an event becomes a record with its fields and those of the spans around it.

use std::fmt::Write;

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use crate::client::Client;
use crate::format::{json_str, with_text, Format};
use crate::writer::is_writer;

/// A `tracing_subscriber` layer that hands every event to a [`Client`].
///
/// As JSON: `{"level":"INFO","target":"app","message":"…","fields":{…},"spans":[{"name":"…","fields":{…}}]}`, the
/// outermost span first; what is empty is left out. As text: `INFO app: outer{a=1}:inner: … b=2`.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// # let client = splashdam::Client::builder("/tmp/example.sock").build();
/// tracing_subscriber::registry().with(splashdam::tracing::Layer::new(client)).init();
/// ```
#[derive(Debug, Clone)]
pub struct Layer {
    client: Client,
    format: Format,
}

/// The fields of a span, written once; in the span's extensions.
struct SpanFields(String);

impl Layer {
    /// A layer that writes JSON.
    pub fn new(client: Client) -> Self {
        Self { client, format: Format::default() }
    }

    /// How records are written.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    fn write<S>(&self, text: &mut String, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let (mut fields, mut message) = (String::new(), String::new());
        event.record(&mut Fields::new(self.format, &mut fields, &mut message));
        let metadata = event.metadata();
        match self.format {
            Format::Json => {
                text.push_str("{\"level\":\"");
                text.push_str(metadata.level().as_str());
                text.push_str("\",\"target\":");
                json_str(text, metadata.target());
                if !message.is_empty() {
                    text.push_str(",\"message\":");
                    json_str(text, &message);
                }
                json_fields(text, &fields);
                json_spans(text, event, context);
                text.push('}');
            }
            Format::Text => {
                let _ = write!(text, "{} {}: ", metadata.level(), metadata.target());
                text_spans(text, event, context);
                text.push_str(&message);
                if !message.is_empty() && !fields.is_empty() {
                    text.push(' ');
                }
                text.push_str(&fields);
            }
        }
    }
}

fn json_fields(text: &mut String, fields: &str) {
    if !fields.is_empty() {
        text.push_str(",\"fields\":{");
        text.push_str(fields);
        text.push('}');
    }
}

fn json_spans<S>(text: &mut String, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(scope) = context.event_scope(event) else {
        return;
    };
    let mut between = ",\"spans\":[";
    for span in scope.from_root() {
        text.push_str(between);
        between = ",";
        text.push_str("{\"name\":");
        json_str(text, span.name());
        if let Some(SpanFields(fields)) = span.extensions().get() {
            json_fields(text, fields);
        }
        text.push('}');
    }
    if between == "," {
        text.push(']');
    }
}

fn text_spans<S>(text: &mut String, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(scope) = context.event_scope(event) else {
        return;
    };
    for span in scope.from_root() {
        text.push_str(span.name());
        match span.extensions().get() {
            Some(SpanFields(fields)) if !fields.is_empty() => {
                let _ = write!(text, "{{{fields}}}");
            }
            _ => (),
        }
        text.push_str(": ");
    }
}

impl<S> tracing_subscriber::Layer<S> for Layer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let (mut fields, mut message) = (String::new(), String::new());
            attributes.record(&mut Fields::new(self.format, &mut fields, &mut message));
            // Another layer of this kind may have written it already, perhaps in another format: each event takes
            // what was there last.
            span.extensions_mut().replace(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut message = String::new();
            if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
                values.record(&mut Fields::new(self.format, fields, &mut message));
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if is_writer() {
            return;
        }
        with_text(|text| {
            self.write(text, event, &context);
            self.client.log(text);
        });
    }
}
