use super::*;

/// A draw from the standard normal distribution.
pub(super) fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Rounds of two things of which the second takes `ratio` times as long; what a round does to both is larger than what it does
/// to one.
fn rounds(rng: &mut Rng, count: usize, ratio: f64, noise: f64) -> Vec<(f64, f64)> {
    let mut one = |shared: f64| 100.0 * (shared + noise * normal(rng)).exp();
    (0..count)
        .map(|round| {
            let shared = 0.05 * ((round * 7) % 5) as f64;
            (one(shared), ratio * one(shared))
        })
        .collect()
}

#[test]
fn medians() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    assert_eq!(median(&[f64::NAN, 1.0]), Some(1.0));
    assert_eq!(median(&[]), None);
}

#[test]
fn few_rounds_and_nonsense_have_no_interval() {
    assert_eq!(ratio_of_medians(&[(1.0, 1.0); LEAST_ROUNDS - 1], 1), None);
    assert!(ratio_of_medians(&[(1.0, 1.0); LEAST_ROUNDS], 1).is_some());
    assert_eq!(ratio_of_medians(&[(0.0, 1.0); 9], 1), None);
    assert_eq!(difference(&[(f64::INFINITY, 1.0); 9], 1), None);
    assert_eq!(ratio_of_unpaired_medians(EQUIVALENCE, &[1.0; 9], &[1.0; LEAST_ROUNDS - 1], 1), None);
    assert_eq!(ratio_of_unpaired_medians(EQUIVALENCE, &[f64::NAN; 9], &[1.0; 9], 1), None);
}

#[test]
fn the_same_seed_gives_the_same_interval() {
    let pairs = rounds(&mut Rng::with_seed(1), 9, 1.1, 0.03);
    assert_eq!(ratio_of_medians(&pairs, 5), ratio_of_medians(&pairs, 5));
}

#[test]
fn identical_rounds_are_within_any_margin() {
    let pairs: Vec<_> = (1..8).map(|round| (f64::from(round), f64::from(round))).collect();
    let ratio = ratio_of_medians(&pairs, 1).unwrap();
    assert_eq!((ratio.low, ratio.middle, ratio.high), (1.0, 1.0, 1.0));
    assert_eq!(equivalence(ratio, 0.01), Equivalence::Within);
    assert_eq!(difference(&pairs, 1).unwrap().half_width(), 0.0);
}

#[test]
fn equivalence_needs_all_of_the_interval() {
    let stands = |low, high| equivalence(Interval { low, middle: 1.0, high, confidence: EQUIVALENCE }, 0.01);
    assert_eq!(stands(0.99, 1.01), Equivalence::Within);
    assert_eq!(stands(1.011, 1.02), Equivalence::Outside);
    assert_eq!(stands(0.9, 0.989), Equivalence::Outside);
    let Equivalence::Inconclusive { smallest_visible_effect } = stands(0.98, 1.02) else { panic!("decided") };
    assert!((smallest_visible_effect - 0.02).abs() < 1e-12);
    assert!(matches!(stands(1.0, 1.011), Equivalence::Inconclusive { .. }));
}

#[test]
fn an_effect_is_seen_and_little_noise_is_not_taken_for_one() {
    let mut rng = Rng::with_seed(11);
    for count in [5, 10, 30] {
        let slower = ratio_of_medians(&rounds(&mut rng, count, 1.10, 0.005), 1).unwrap();
        assert_eq!(equivalence(slower, 0.03), Equivalence::Outside, "{slower:?}");
        let same = ratio_of_medians(&rounds(&mut rng, count, 1.0, 0.001), 1).unwrap();
        assert_eq!(equivalence(same, 0.01), Equivalence::Within, "{same:?}");
        let noisy = ratio_of_medians(&rounds(&mut rng, count, 1.0, 0.10), 1).unwrap();
        assert!(matches!(equivalence(noisy, 0.001), Equivalence::Inconclusive { .. }), "{noisy:?}");
    }
}

/// How often the interval of simulated rounds holds the true ratio.
fn coverage(count: usize, interval: impl Fn(&[(f64, f64)]) -> Option<Interval>) -> f64 {
    let mut rng = Rng::with_seed(count as u64);
    let runs = 100;
    let held = (0..runs).filter(|_| interval(&rounds(&mut rng, count, 1.02, 0.03)).unwrap().holds(1.02));
    held.count() as f64 / f64::from(runs)
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    for count in [5, 10, 20] {
        let paired = coverage(count, |pairs| ratio_of_medians(pairs, 1));
        assert!((0.82..=1.0).contains(&paired), "{count} paired rounds: {paired}");
        let unpaired = coverage(count, |pairs| {
            let (a, b): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
            ratio_of_unpaired_medians(DIFFERENCE, &a, &b, 1)
        });
        assert!((0.87..=1.0).contains(&unpaired), "{count} unpaired rounds: {unpaired}");
    }
}

/// Two runs of the same are within 3 % at most one time in twenty if the truth is just outside.
#[test]
fn what_is_outside_is_rarely_called_within() {
    let mut rng = Rng::with_seed(9);
    let runs = 120;
    let wrong = (0..runs).filter(|_| {
        let ratio = ratio_of_medians(&rounds(&mut rng, 8, 1.0301, 0.01), 1).unwrap();
        equivalence(ratio, 0.03) == Equivalence::Within
    });
    let share = wrong.count() as f64 / f64::from(runs);
    assert!(share <= 0.08, "{share}");
}
