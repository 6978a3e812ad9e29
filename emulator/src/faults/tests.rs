use super::*;

fn faults(scripts: &[&str]) -> Faults {
    let mut faults = Faults::new(1);
    faults.add(scripts.iter().map(|script| script.parse().unwrap()).collect()).unwrap();
    faults
}

fn put(faults: &mut Faults, group: &str, stream: &str) -> Option<FaultKind> {
    let names = Names { group: Some(group), stream: Some(stream) };
    faults.decide(Operation::PutLogEvents, names).fault.map(|fault| fault.kind)
}

#[test]
fn a_count_ends_and_a_skip_begins_later() {
    let mut faults = faults(&["throttle,skip=2,count=3"]);
    let hit: Vec<_> = (0..8).map(|_| put(&mut faults, "g", "s").is_some()).collect();
    assert_eq!(hit, [false, false, true, true, true, false, false, false]);
    assert_eq!(faults.hits[&FaultKind::Throttle], 3);
}

#[test]
fn a_scope_hits_no_other() {
    let mut faults = faults(&["server_error,group=g,stream=s,operation=PutLogEvents"]);
    assert_eq!(put(&mut faults, "g", "t"), None);
    assert_eq!(put(&mut faults, "h", "s"), None);
    assert_eq!(put(&mut faults, "g", "s"), Some(FaultKind::ServerError));
    let names = Names { group: Some("g"), stream: Some("s") };
    assert!(faults.decide(Operation::CreateLogStream, names).fault.is_none());
}

#[test]
fn the_first_that_hits_wins_and_latencies_add_up() {
    let mut faults = faults(&["latency,latency=10", "throttle,count=1", "latency,latency=5", "unavailable"]);
    let mut next = || faults.decide(Operation::PutLogEvents, Names::default());
    let first = next();
    assert_eq!(first.delay, Duration::from_millis(15));
    assert_eq!(first.fault.unwrap().kind, FaultKind::Throttle);
    assert_eq!(next().fault.unwrap().kind, FaultKind::Unavailable);
}

#[test]
fn a_seed_makes_chance_repeatable() {
    let run = |seed| {
        let mut faults = Faults::new(seed);
        faults.add(vec![Fault::new(FaultKind::Throttle).with_probability(0.3)]).unwrap();
        (0..1_000).map(|_| put(&mut faults, "g", "s").is_some()).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
    let hits = run(5).iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&hits), "{hits}");
}

#[test]
fn early_faults_are_decided_early_only() {
    let mut faults = faults(&["reset_before_body"]);
    assert_eq!(put(&mut faults, "g", "s"), None);
    assert!(faults.decide_early(Operation::PutLogEvents).is_some());
}

#[test]
fn text_and_json_mean_the_same() {
    let text: Fault = "throttle,retry_after_seconds=2,group=7,probability=0.5".parse().unwrap();
    let json: Fault = r#"{"kind":"throttle","retry_after_seconds":2,"group":"7","probability":0.5}"#.parse().unwrap();
    assert_eq!(text, json);
    let latency: Fault = "latency,latency=lognormal:20,0.5,count=3".parse().unwrap();
    assert_eq!(latency, Fault::latency(Latency::LogNormal(20.0, 0.5)).times(3));
}

#[test]
fn what_would_do_nothing_is_refused() {
    for bad in [
        "nonsense",
        "throttle,probability=2",
        "throttle,operation=Nope",
        "throttle,latency=3",
        "throttle,seconds=3",
        "throttle,commit=true",
        "latency",
        "outage",
        "outage,seconds=-1",
        "reset_mid_body,group=g",
        "hang,retry_after_seconds=1",
        "throttle,cuont=3",
        "throttle,count",
    ] {
        assert!(bad.parse::<Fault>().is_err(), "{bad}");
    }
}

#[test]
fn faults_are_bounded_and_added_all_or_none() {
    let mut faults = Faults::new(1);
    let throttle = Fault::new(FaultKind::Throttle);
    assert!(faults.add(vec![throttle.clone(); MAX_FAULTS + 1]).is_err());
    assert!(faults.add(vec![throttle.clone(), Fault::new(FaultKind::Outage)]).is_err());
    assert!(faults.list().is_empty());
    faults.add(vec![throttle.clone(); MAX_FAULTS]).unwrap();
    assert!(faults.add(vec![throttle]).is_err());
}
