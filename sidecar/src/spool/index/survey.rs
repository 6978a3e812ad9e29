//! Which of a folder's segments are the lane's, and where they end.
//!
//! A name alone says little: anybody can give one. The last segments count only from one on in which something agrees with its
//! name, a header or an entry; and of several with one base the one that goes furthest.

use std::io;
use std::path::Path;

use super::walk::{walk, Walk};
use crate::spool::channels::Channels;
use crate::spool::disk::Disk;
use crate::spool::lanes::Segment;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The lane's segments, ascending, no two of one base.
    pub(super) segments: Vec<Segment>,
    /// What is called a segment and is none of them.
    pub(super) aside: Vec<Segment>,
    /// The channels, out of the newest good header and all that follows it.
    pub(super) channels: Channels,
    /// The offset behind the last good entry; that of the last segment where none got into it. `None` where nothing tells.
    pub(super) end: Option<u64>,
}

/// Looks at the segments from the last one on: mostly that alone. Each damaged header costs one segment more. Fails where none of
/// them can be read.
pub(super) fn survey(disk: &dyn Disk, folder: &Path, mut found: Vec<Segment>) -> io::Result<Survey> {
    found.sort_unstable_by_key(|segment| segment.name);
    let (mut survey, mut walks, mut complete, mut limit) = (Survey::default(), Vec::new(), false, None);
    let mut refused = None;
    while let Some(last) = found.last() {
        let from = found.partition_point(|segment| segment.name.base < last.name.base);
        let group = found.split_off(from);
        if complete && group.len() == 1 {
            limit = group.first().map(|segment| segment.name.base);
            survey.segments.extend(group);
            continue;
        }
        let Some((segment, mut walk)) = furthest(disk, folder, group, limit, &mut survey.aside)? else { continue };
        refused = walk.refused.take().or(refused);
        // The last ones: without entries they were begun, and nothing got into them, or they are none of ours.
        let counts = walk.entries || survey.end.is_some();
        if counts || walk.is_confirmed() {
            limit = Some(segment.name.base);
            survey.end = survey.end.max(Some(walk.end));
        }
        if counts { &mut survey.segments } else { &mut survey.aside }.push(segment);
        if !complete {
            complete = walk.table.is_some();
            walks.push(walk);
        }
    }
    // It is not one segment that is damaged: somebody keeps us from all of them. They stay as they are.
    if let Some(error) = refused.filter(|_| survey.end.is_none()) {
        return Err(error);
    }
    survey.segments.reverse();
    for walk in walks.into_iter().rev() {
        survey.channels.merge(&walk.table.unwrap_or_default());
        survey.channels.merge(&walk.admitted.marks());
    }
    Ok(survey)
}

/// Of segments with one base the one that goes furthest. The others go aside: after an error one was begun anew, and a power loss
/// brought the first back. What has entries is kept for people.
fn furthest(
    disk: &dyn Disk,
    folder: &Path,
    group: Vec<Segment>,
    limit: Option<u64>,
    aside: &mut Vec<Segment>,
) -> io::Result<Option<(Segment, Walk)>> {
    let rank = |walk: &Walk| (walk.entries, walk.end, walk.table.is_some());
    let mut best: Option<(Segment, Walk)> = None;
    for mut segment in group {
        let walk = walk(disk, folder, segment.name, limit)?;
        segment.damaged |= walk.damaged;
        let (better, other) = match best.take() {
            Some(best) if rank(&best.1) >= rank(&walk) => (best, Some((segment, walk))),
            before => ((segment, walk), before),
        };
        aside.extend(other.map(|(other, walk)| Segment { damaged: other.damaged || walk.entries, ..other }));
        best = Some(better);
    }
    Ok(best)
}
