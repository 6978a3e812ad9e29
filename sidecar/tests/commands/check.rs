//! `check`, alone and with the emulator in CloudWatch's place.

use crate::stage::{emulator, run, splashdam};

#[test]
fn prints_what_holds_or_what_is_wrong() {
    let (code, out, said) = run(&mut splashdam(&["check", "--group", "app"]), b"");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("group = \"app\"") && out.contains("from --group"), "{out}");

    let (code, out, said) = run(&mut splashdam(&["check", "--memory", "64Mib", "--linger", "5"]), b"");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(said.contains("--memory 64Mib") && said.contains("--linger 5") && said.contains("--group"), "{said}");
}

#[test]
fn remote_says_what_could_be_verified_and_what_to_ask_for() {
    let (_emulator, url) = emulator(&[]);
    let args = ["check", "--remote", "--group", "app", "--retention-days", "7", "--endpoint-url", &url];
    let (code, out, said) = run(&mut splashdam(&args), b"");
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    for part in ["access key …1234", "app does not exist; it is created", "logs:PutRetentionPolicy", "log-group:app:*"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("AKIATEST") && !out.contains("logs:TagResource"), "{out}");

    let mut no_create = splashdam(&args);
    let (code, out, _) = run(no_create.arg("--create-group=false"), b"");
    assert_eq!(code, 1);
    assert!(out.contains("BAD log group"), "{out}");
}

#[test]
fn remote_tells_bad_credentials_and_none() {
    let (_emulator, url) = emulator(&[]);
    let args = ["check", "--remote", "--group", "app", "--endpoint-url", &url];
    let (code, out, _) = run(splashdam(&args).env("AWS_SECRET_ACCESS_KEY", "hush-hush"), b"");
    assert_eq!(code, 1);
    assert!(out.contains("BAD signed call") && !out.contains("hush-hush"), "{out}");

    let (code, out, _) = run(splashdam(&args).env_remove("AWS_ACCESS_KEY_ID"), b"");
    assert_eq!(code, 1);
    assert!(out.contains("BAD credentials") && out.contains("set AWS_ACCESS_KEY_ID"), "{out}");
}

#[test]
fn credentials_that_may_not_describe_are_still_credentials() {
    let (_emulator, url) = emulator(&["--fault", "access_denied,operation=DescribeLogGroups"]);
    let (code, out, _) = run(&mut splashdam(&["check", "--remote", "--group", "app", "--endpoint-url", &url]), b"");
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("cannot be seen"), "{out}");
}

#[test]
fn remote_says_which_proxy_is_used_and_not_its_password() {
    let (_emulator, url) = emulator(&[]);
    let args = ["check", "--remote", "--group", "app", "--endpoint-url", &url];
    let mut command = splashdam(&args);
    let (code, out, _) = run(command.env("all_proxy", "http://user:hush-hush@proxy.internal:3128"), b"");
    assert_eq!(code, 0, "loopback is reached without it: {out}");
    assert!(out.contains("https goes through proxy proxy.internal:3128, by all_proxy"), "{out}");
    assert!(!out.contains("hush-hush"), "{out}");
}
