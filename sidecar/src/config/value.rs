//! How each type of setting is read and shown. The type of a field decides; the table only names fields.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::allow::Pattern;
use super::choice::Choice;
use super::creation::{KmsKey, Retention, Tags};
use super::raw::Raw;
use super::scalars::{EndpointUrl, Region, SocketMode};
use super::template::{GroupTemplate, StreamTemplate};
use super::uids::AllowedUids;
use super::units::{parse_duration, parse_size, show_duration, show_size, whole};

/// A field of the configuration that can be set from what was written, and shown as TOML.
pub(crate) trait Value {
    /// Takes the value, or says what is wrong with it; then the field is as before.
    fn set(&mut self, raw: &Raw) -> Result<(), String>;

    /// As TOML; `None` where nothing is set.
    fn show(&self) -> Option<String>;
}

impl<T: Choice> Value for T {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = T::from_word(raw.text_or_boolean()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        match self.word() {
            word @ ("true" | "false") => Some(word.to_owned()),
            word => Some(quoted(word)),
        }
    }
}

/// A number of bytes.
impl Value for u64 {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = parse_size(raw.text_or_integer()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&show_size(*self)))
    }
}

/// A number of things, or of things a second.
impl Value for NonZeroU32 {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        let number = whole(raw.text_or_integer()?, "a whole number")?;
        *self =
            u32::try_from(number).ok().and_then(Self::new).ok_or_else(|| format!("must be from 1 to {}", u32::MAX))?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Duration {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = parse_duration(raw.text_or_integer()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&show_duration(*self)))
    }
}

impl Value for Option<Duration> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = match raw {
            Raw::Boolean(false) => None,
            Raw::Boolean(true) => return Err("takes a duration, such as \"5s\", or \"off\"".to_owned()),
            _ if is_off(raw) => None,
            _ => Some(parse_duration(raw.text_or_integer()?)?),
        };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.map_or_else(|| "off".to_owned(), show_duration)))
    }
}

impl Value for Option<SocketAddr> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = if is_off(raw) { None } else { Some(parse_address(raw.text()?)?) };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.map_or_else(|| "off".to_owned(), |address| address.to_string())))
    }
}

impl Value for PathBuf {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = some_text(raw)?.into();
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

/// A folder that may be left out.
impl Value for Option<PathBuf> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = if is_off(raw) { None } else { Some(some_text(raw)?.into()) };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.as_ref().map_or_else(|| "off".into(), |path| path.to_string_lossy())))
    }
}

impl Value for SocketMode {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        if matches!(raw, Raw::Integer(_)) {
            return Err("a mode is written as a string of octal digits, \"0660\"".to_owned());
        }
        *self = Self::parse(raw.text()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&format!("{:04o}", self.bits())))
    }
}

impl Value for StreamTemplate {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Self::parse(raw.text()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for Option<GroupTemplate> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Some(GroupTemplate::parse(raw.text()?)?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(|group| quoted(&group.to_string()))
    }
}

impl Value for Option<EndpointUrl> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Some(EndpointUrl::parse(some_text(raw)?)?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(|url| quoted(url.as_str()))
    }
}

impl Value for Option<Region> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Some(Region::parse(raw.text()?)?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(|region| quoted(region.as_str()))
    }
}

impl Value for Vec<Pattern> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = raw.items()?.iter().map(|item| Pattern::parse(item)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        let patterns: Vec<_> = self.iter().map(|pattern| quoted(&pattern.to_string())).collect();
        Some(format!("[{}]", patterns.join(", ")))
    }
}

impl Value for AllowedUids {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = match raw {
            Raw::Integer(uid) => Self::parse(std::slice::from_ref(uid))?,
            _ => Self::parse(&raw.items()?)?,
        };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        let uids: Vec<_> = self.entries().map(|entry| quoted(&entry)).collect();
        Some(if uids.is_empty() { quoted("any") } else { format!("[{}]", uids.join(", ")) })
    }
}

impl Value for Tags {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Self::from_items(&raw.items()?)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        let tags: Vec<_> = self.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
        Some(if tags.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", tags.join(", ")) })
    }
}

impl Value for Option<Retention> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        let days = whole(raw.text_or_integer()?, "a number of days, such as 30")?;
        *self = Some(Retention::new(days)?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.map(|retention| retention.days().to_string())
    }
}

impl Value for Option<KmsKey> {
    fn set(&mut self, raw: &Raw) -> Result<(), String> {
        *self = Some(KmsKey::new(raw.text()?)?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(|key| quoted(key.as_str()))
    }
}

/// Reads `127.0.0.1:9787`, `[::1]:9787` or `localhost:9787`.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "is not an address and port, such as 127.0.0.1:9787 or 0.0.0.0:9787".to_owned())
}

fn is_off(raw: &Raw) -> bool {
    matches!(raw, Raw::Boolean(false)) || matches!(raw, Raw::Text(text) if text == "off")
}

fn some_text(raw: &Raw) -> Result<&str, String> {
    match raw.text()? {
        "" => Err("may not be empty".to_owned()),
        text => Ok(text),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
