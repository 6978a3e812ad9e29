use super::*;

async fn report(marked: u64) -> Report {
    let mut report = endpoint::start(100).await.unwrap().shutdown().await;
    report.marks.unique = marked;
    report
}

fn ended(code: Option<i32>) -> Ended {
    Ended { code, account: Some("received=10".to_owned()) }
}

#[tokio::test]
async fn the_account_says_what_was_lost() {
    let logged = app::Logged { framed: 8, text: 2 };
    let all = report(10).await;
    assert!(is_whole(&logged, &all, &ended(Some(0))));
    let text = account(&logged, &all, &ended(Some(0)), Duration::from_millis(300));
    assert!(text.contains("nothing lost") && text.contains("300ms") && text.contains("received=10"), "{text}");

    let fewer = report(7).await;
    assert!(!is_whole(&logged, &fewer, &ended(Some(0))));
    let text = account(&logged, &fewer, &ended(Some(0)), Duration::ZERO);
    assert!(text.contains("3 records did not arrive"), "{text}");

    assert!(!is_whole(&logged, &all, &ended(Some(3))));
    assert!(account(&logged, &all, &ended(None), Duration::ZERO).contains("by a signal"));
}

#[test]
fn too_many_records_are_refused() {
    assert_eq!(demo(&DemoArgs { seconds: 86_400, rate: 10_000_000 }), Exit::Configuration);
}
