//! Single values with rules of their own.

/// Permission bits of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketMode(u32);

impl SocketMode {
    /// Reading and writing for the owner and the group.
    pub(crate) const OWNER_AND_GROUP: Self = Self(0o660);

    /// Reads octal digits, such as `0660`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let octal = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        match u32::from_str_radix(text, 8) {
            Ok(bits) if octal && bits <= 0o777 => Ok(Self(bits)),
            _ => Err("is not a mode: write octal digits up to 0777, such as 0660 or 0666".to_owned()),
        }
    }

    /// The bits, for `fchmod`.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// An http or https address without credentials in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if authority.contains('@') {
            return Err("has credentials in it: give those through the AWS credential chain".to_owned());
        }
        let plain = text.chars().all(|c| c.is_ascii_graphic());
        if !plain || authority.is_empty() || authority.starts_with(':') {
            return Err("is not an endpoint: write http://HOST:PORT or https://HOST".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An AWS region's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fits = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !fits || text.is_empty() || text.len() > 63 {
            return Err("is not the name of a region, such as eu-central-1".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
