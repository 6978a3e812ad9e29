//! Lanes by destination.

use std::collections::HashMap;

use super::{Lane, LaneId};
use crate::config::Destination;

/// Lanes by destination.
#[derive(Debug, Default)]
pub struct Lanes {
    slots: Vec<Option<Box<Lane>>>,
    by_destination: HashMap<Destination, LaneId>,
}

impl Lanes {
    /// The lane of a destination, if there is one.
    #[must_use]
    pub fn find(&self, destination: &Destination) -> Option<LaneId> {
        self.by_destination.get(destination).copied()
    }

    /// Adds a lane.
    pub fn insert(&mut self, lane: Lane) -> LaneId {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        // The number of lanes is capped far below 2^32.
        let id = slot as LaneId;
        self.by_destination.insert(lane.destination.clone(), id);
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(Box::new(lane));
        id
    }

    /// Takes a lane out.
    pub fn remove(&mut self, id: LaneId) -> Option<Lane> {
        let lane = self.slots.get_mut(id as usize)?.take()?;
        self.by_destination.remove(&lane.destination);
        Some(*lane)
    }

    /// The lane with this index.
    #[must_use]
    pub fn get(&self, id: LaneId) -> Option<&Lane> {
        self.slots.get(id as usize)?.as_deref()
    }

    /// The lane with this index.
    pub fn get_mut(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.slots.get_mut(id as usize)?.as_deref_mut()
    }

    /// All lanes.
    pub fn iter(&self) -> impl Iterator<Item = (LaneId, &Lane)> {
        (0..).zip(&self.slots).filter_map(|(id, slot)| Some((id, slot.as_deref()?)))
    }

    /// The indices of all lanes.
    #[must_use]
    pub fn ids(&self) -> Vec<LaneId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_destination.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }
}
