//! The rows of the table.

use super::{Section, Setting, Takes};
use crate::config::model::Config;
use crate::config::value::Value;

const YES: Takes = Takes::Optional("true");

const fn row(
    key: &'static str,
    value_name: &'static str,
    field: fn(&mut Config) -> &mut dyn Value,
    help: &'static str,
) -> Setting {
    Setting { key, value_name, help, takes: Takes::One, alias: None, field }
}

#[rustfmt::skip] // A table is read by its columns.
pub(crate) static SECTIONS: [Section; 9] = [
    Section { title: "Destination", settings: &[
        row("group", "G", |c| &mut c.destinations.group_template,
            "Log group; may name {hostname}, {pod}, {namespace}")
            .alias("log_group"),
        row("stream", "S", |c| &mut c.destinations.stream,
            "Log stream; may name these and {app}, {pid}, {uid}, {date}")
            .alias("log_stream"),
        row("allow", "GROUP:STREAM", |c| &mut c.destinations.allow,
            "Other destinations a client may name; * is any text")
            .takes(Takes::Many),
        row("enabled", "BOOL", |c| &mut c.service,
            "false: take records and count them as dropped, ship nothing")
            .takes(YES),
    ] },
    Section { title: "CloudWatch", settings: &[
        row("endpoint_url", "URL", |c| &mut c.delivery.endpoint_url,
            "Endpoint, where it is not the region's own"),
        row("region", "R", |c| &mut c.delivery.region,
            "Region, where it is not that of the environment"),
        row("connect_timeout", "DUR", |c| &mut c.delivery.connect_timeout,
            "Longest wait for a connection"),
        row("attempt_timeout", "DUR", |c| &mut c.delivery.attempt_timeout,
            "Longest attempt, connection included"),
        row("backoff_min", "DUR", |c| &mut c.engine.backoff_min,
            "First wait after a failed attempt"),
        row("backoff_max", "DUR", |c| &mut c.engine.backoff_max,
            "Longest wait after a failed attempt"),
        row("in_flight_min", "N", |c| &mut c.engine.in_flight_min,
            "Attempts at a time a lane starts with"),
        row("in_flight_max", "N", |c| &mut c.engine.in_flight_max,
            "Most attempts at a time, for each lane"),
        row("in_flight_total", "N", |c| &mut c.engine.in_flight_total,
            "Most attempts at a time, in all"),
        row("put_rate", "N", |c| &mut c.engine.put_rate,
            "Most PutLogEvents calls a second"),
        row("create_rate", "N", |c| &mut c.engine.create_rate,
            "Most creating calls a second"),
    ] },
    Section { title: "Creation", settings: &[
        row("create_group", "BOOL", |c| &mut c.destinations.create.group,
            "Create log groups that are missing")
            .takes(YES),
        row("create_stream", "BOOL", |c| &mut c.destinations.create.stream,
            "Create log streams that are missing")
            .takes(YES),
        row("retention_days", "DAYS", |c| &mut c.destinations.create.retention,
            "Retention of groups we create"),
        row("tags", "KEY=VALUE", |c| &mut c.destinations.create.tags,
            "Tags of groups we create")
            .takes(Takes::Many),
        row("kms_key", "ARN", |c| &mut c.destinations.create.kms_key,
            "Key that encrypts groups we create"),
        row("class", "CLASS", |c| &mut c.destinations.create.class,
            "STANDARD, INFREQUENT_ACCESS or DELIVERY, for groups we create"),
    ] },
    Section { title: "Socket", settings: &[
        row("socket", "PATH", |c| &mut c.intake.socket,
            "Unix socket that clients write to"),
        row("socket_mode", "MODE", |c| &mut c.intake.socket_mode,
            "Permissions of the socket, in octal digits"),
        row("allow_uids", "UID", |c| &mut c.intake.allow_uids,
            "Users whose processes may connect, as ids and ranges such as 1000-1009")
            .takes(Takes::Many),
        row("text_delimiter", "lf|nul", |c| &mut c.intake.text_delimiter,
            "What ends a record of a text client"),
        row("max_record", "BYTES", |c| &mut c.intake.max_record,
            "Longest record; longer ones are split"),
        row("max_connections", "N", |c| &mut c.intake.max_connections,
            "Most connections at a time"),
    ] },
    Section { title: "Memory and batches", settings: &[
        row("memory", "BYTES", |c| &mut c.engine.memory,
            "Memory for records and request bodies; by default less in a small container"),
        row("overflow", "POLICY", |c| &mut c.engine.overflow,
            "Where there is no room: block, drop-newest or drop-oldest"),
        row("linger", "DUR", |c| &mut c.engine.linger,
            "Longest wait of records for a fuller batch"),
        row("linger_quiet", "DUR", |c| &mut c.engine.linger_quiet,
            "A lane quiet for this long ships what it has"),
        row("linger_max", "DUR", |c| &mut c.engine.linger_max,
            "What the linger may stretch to under throttling"),
        row("batch_max_events", "N", |c| &mut c.engine.batch_max_events,
            "Most records in a batch; CloudWatch takes 10000"),
        row("high_water", "BYTES", |c| &mut c.engine.high_water,
            "What a healthy lane takes into memory"),
        row("reach", "BYTES", |c| &mut c.engine.reach,
            "How far attempts may run ahead of the oldest record"),
        row("max_lanes", "N", |c| &mut c.engine.max_lanes,
            "Most destinations at a time"),
        row("workers", "N", |c| &mut c.workers,
            "Threads that build and send batches"),
    ] },
    Section { title: "Spool", settings: &[
        row("spool_dir", "DIR|off", |c| &mut c.spool.dir,
            "Keep records on disk, too, so that they survive the sidecar"),
        row("spool_max", "BYTES", |c| &mut c.spool.max,
            "Disk space for records, of all destinations"),
        row("spool_survives", "WHAT", |c| &mut c.spool.survives,
            "What a durable ack outlives: process-crash or power-loss"),
        row("spool_lifetime", "WHOSE", |c| &mut c.spool.lifetime,
            "How long the directory is there: pod or persistent"),
        row("spool_remainder", "WHERE", |c| &mut c.spool.remainder,
            "What is spooled at the end: keep, or stderr to print it, too"),
    ] },
    Section { title: "Shutdown", settings: &[
        row("shutdown_deadline", "DUR", |c| &mut c.shutdown.deadline,
            "From the signal to the end, at most"),
        row("shutdown_quiet", "DUR|off", |c| &mut c.shutdown.quiet,
            "After the signal, text clients this long silent are gone"),
        row("fail_on_loss", "BOOL", |c| &mut c.shutdown.on_loss,
            "Exit with 3 if any record was rejected, dropped or lost")
            .takes(YES),
        row("exit_if_no_client", "DUR|off", |c| &mut c.shutdown.if_no_client,
            "End if no client comes within this time"),
        row("exit_after_last_client", "GRACE|off", |c| &mut c.shutdown.after_last_client,
            "End this long after the last client left")
            .takes(Takes::Optional("2s")),
    ] },
    Section { title: "Admin and health", settings: &[
        row("admin", "ADDR|off", |c| &mut c.admin,
            "Address of metrics, health and status"),
        row("health", "ADDR|off", |c| &mut c.health,
            "Address of health and metrics alone, for probes from elsewhere; with ACG_CONFIG 0.0.0.0:13133"),
    ] },
    Section { title: "Diagnostics", settings: &[
        row("log_format", "text|json", |c| &mut c.diagnostics.format,
            "How our own diagnostics look"),
        row("log_level", "LEVEL", |c| &mut c.diagnostics.level,
            "error, warn, info, debug or trace"),
    ] },
];
