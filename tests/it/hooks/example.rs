use super::*;
use crate::support::{Folder, Program, free_port};

/// What a reader copies from docs/hooks.md.
#[test]
fn the_receiver_of_the_document_takes_what_is_signed_and_nothing_else() {
    let document = std::fs::read_to_string("docs/hooks.md").unwrap();
    let source = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let port = free_port();
    assert!(source.contains("8000"));
    let folder = Folder::new();
    let file = folder.0.join("receiver.py");
    std::fs::write(&file, source.replace("8000", &port.to_string())).unwrap();
    let said = folder.0.join("said");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec python3 \"$0\" >\"$1\""]).args([&file, &said]);
    command.env("FANFARE_HOOK_SECRET", SECRET);
    let program = Program::start(command);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    wait_until("it listens", || std::net::TcpStream::connect(address).is_ok());

    let url = format!("http://{address}/");
    let hub = Fanfare::start(&[("FANFARE_HOOK_URL", &url), ("FANFARE_HOOK_SECRET", SECRET)]);
    hub.subscribe("/events?topic=a").leave();
    let told = "subscribe None None\ntopic_occupied None a\nunsubscribe None None\n\
                topic_empty None a\n";
    let said = || std::fs::read_to_string(&said).unwrap();
    wait_until("it is told", || said().len() >= told.len());
    assert_eq!(said(), told);

    let body = br#"{"events":[{"type":"forged"}]}"#;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().to_string();
    for signature in ["", "v1,AAAA", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", &now),
            ("webhook-signature", signature),
        ];
        assert_eq!(request(address, "POST", "/", &headers, body).status, 401);
    }
    assert_eq!(said(), told);
    drop(program);
}
