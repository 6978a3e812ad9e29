//! Names beside the ends of lines, instead of a legend: each as near to its line as the others let it.

/// Moves heights apart until each has its room between `top` and `bottom`; the order stays. Heights grow downwards.
pub(super) fn apart(wanted: &[f64], room: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = vec![0.0; wanted.len()];
    let mut least = top;
    for index in &order {
        placed[*index] = wanted[*index].max(least);
        least = placed[*index] + room;
    }
    let mut greatest = bottom;
    for index in order.iter().rev() {
        placed[*index] = placed[*index].min(greatest);
        greatest = placed[*index] - room;
    }
    placed
}

/// The width of a text in units of its size, as nobody here knows the font: rather too much than too little.
pub(super) fn width(text: &str) -> f64 {
    0.58 * text.chars().count() as f64
}

/// As much of a name as there is room for, in units of its size.
pub(super) fn shortened(name: &str, room: f64) -> String {
    if width(name) <= room {
        return name.to_owned();
    }
    let kept = (room / width("x")) as usize;
    let start: String = name.chars().take(kept.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_their_distance() {
        let placed = apart(&[50.0, 10.0, 11.0, 12.0, 99.0], 10.0, (0.0, 100.0));
        assert_eq!(placed, [50.0, 10.0, 20.0, 30.0, 99.0]);
    }

    #[test]
    fn long_names_end_where_there_is_no_room() {
        assert_eq!(shortened("splashdam", 6.0), "splashdam");
        let short = shortened("a shipper with a very long name", 6.0);
        assert_eq!(short, "a shipper…");
        assert!(width(&short) <= 6.0);
    }

    #[test]
    fn names_at_the_bottom_move_up() {
        assert_eq!(apart(&[95.0, 96.0, 97.0], 10.0, (0.0, 100.0)), [80.0, 90.0, 100.0]);
    }
}
