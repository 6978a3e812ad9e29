//! CPU time of this process, from the kernel.

use crate::report::Cpu;

/// The kernel's unit in `/proc/self/stat`; a hundred on every Linux we know of, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time used so far; zero where the kernel does not tell.
pub(crate) fn used() -> Cpu {
    std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse).unwrap_or_default()
}

fn parse(stat: &str) -> Option<Cpu> {
    // The second field is the program's name in parentheses and may hold anything, so begin after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some(Cpu { user_seconds: seconds()?, system_seconds: seconds()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 125 3 4 20 0 4 0 100";
        assert_eq!(parse(stat), Some(Cpu { user_seconds: 2.5, system_seconds: 1.25 }));
        assert_eq!(parse("nonsense"), None);
    }
}
