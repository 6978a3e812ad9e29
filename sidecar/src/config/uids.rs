//! Which users' processes may connect to the socket, by what the kernel says of the other end.

use std::fmt;

/// The highest user id there is: the one above it stands for none.
const MAX_UID: u32 = u32::MAX - 1;

/// Most ranges: each connection is compared with all of them.
const MAX_RANGES: usize = 64;

/// User ids that may connect, as ranges of which both ends belong to it; none where everyone may who can open the socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedUids(Vec<(u32, u32)>);

impl AllowedUids {
    /// Reads ids and ranges, `1000` or `1000680000-1000689999`, or the one word `any`.
    pub(crate) fn parse(items: &[String]) -> Result<Self, String> {
        if items.iter().any(|item| item == "any") {
            return match items.len() {
                1 => Ok(Self::default()),
                _ => Err("has `any` beside user ids: everyone may connect, or only these".to_owned()),
            };
        }
        if items.is_empty() {
            return Err("lets nobody connect: name user ids, or `any` for everyone who can open the socket".to_owned());
        }
        if items.len() > MAX_RANGES {
            return Err(format!("has {} entries, at most {MAX_RANGES} are possible: join them to ranges", items.len()));
        }
        items.iter().map(|item| range(item)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a process of this user may connect. One whose user the kernel does not tell (`None`) may only where everyone may.
    pub fn permits(&self, uid: Option<u32>) -> bool {
        self.0.is_empty() || uid.is_some_and(|uid| self.0.iter().any(|(least, most)| (*least..=*most).contains(&uid)))
    }

    /// Each id or range by itself, as it is written; none where everyone may connect.
    pub(crate) fn entries(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(least, most)| match least == most {
            true => least.to_string(),
            false => format!("{least}-{most}"),
        })
    }
}

impl fmt::Display for AllowedUids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => f.write_str("any"),
            false => f.write_str(&self.entries().collect::<Vec<_>>().join(",")),
        }
    }
}

fn range(item: &str) -> Result<(u32, u32), String> {
    let (least, most) = item.split_once('-').unwrap_or((item, item));
    let (least, most) = (uid(least, item)?, uid(most, item)?);
    if least > most {
        return Err(format!("`{item}` begins above its end: write {most}-{least}"));
    }
    Ok((least, most))
}

fn uid(text: &str, item: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse::<u32>().ok()).flatten().filter(|number| *number <= MAX_UID);
    number.ok_or_else(|| {
        format!("`{item}` is not a user id up to {MAX_UID} or a range of them, such as 1000 or 1000680000-1000689999")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<AllowedUids, String> {
        AllowedUids::parse(&text.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn ids_and_ranges_with_both_their_ends() {
        let uids = parse("0,1000,1000680000-1000689999").unwrap();
        for (uid, may) in [
            (0, true),
            (1, false),
            (999, false),
            (1000, true),
            (1001, false),
            (1_000_679_999, false),
            (1_000_680_000, true),
            (1_000_689_999, true),
            (1_000_690_000, false),
            (u32::MAX, false),
        ] {
            assert_eq!(uids.permits(Some(uid)), may, "{uid}");
        }
        assert!(!uids.permits(None), "whoever the kernel does not name is nobody");
        assert_eq!(uids.to_string(), "0,1000,1000680000-1000689999");
        assert!(parse("0-4294967294").unwrap().permits(Some(65_534)));
    }

    #[test]
    fn any_is_everyone() {
        for uids in [AllowedUids::default(), parse("any").unwrap()] {
            assert!(uids.permits(Some(0)) && uids.permits(Some(u32::MAX)) && uids.permits(None));
            assert_eq!(uids.to_string(), "any");
        }
    }

    #[test]
    fn what_is_no_list_of_users_is_refused() {
        for (text, part) in [
            ("", "is not a user id"),
            ("app", "is not a user id"),
            ("-1", "is not a user id"),
            ("1-", "is not a user id"),
            ("1-2-3", "is not a user id"),
            ("+1", "is not a user id"),
            ("4294967295", "up to 4294967294"),
            ("2-1", "write 1-2"),
            ("any,1", "beside user ids"),
        ] {
            assert!(parse(text).unwrap_err().contains(part), "{text}: {:?}", parse(text));
        }
        assert!(AllowedUids::parse(&[]).unwrap_err().contains("nobody"));
        let many: Vec<_> = (0..65).map(|uid| uid.to_string()).collect();
        assert!(AllowedUids::parse(&many).unwrap_err().contains("at most 64"));
        assert!(AllowedUids::parse(&many[..64]).is_ok());
    }
}
