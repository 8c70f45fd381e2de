//! The proxy against a server that counts what reaches it.

use std::sync::atomic::AtomicUsize;

use super::*;

/// Answers every request with 200 and its own number.
fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || {
                let mut writer = stream.unwrap();
                let mut reader = BufReader::new(writer.try_clone().unwrap());
                while let Ok(Some(_)) = Message::read_request(&mut reader) {
                    let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    let body = format!("{:x}\r\nnumber {number}\r\n0\r\n\r\n", 7 + number.to_string().len());
                    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                    writer.write_all(format!("{head}{body}").as_bytes()).unwrap();
                }
            });
        }
    });
    (address, count)
}

fn publish(proxy: &Proxy, region: &str) -> io::Result<Message> {
    let mut stream = TcpStream::connect(proxy.address).unwrap();
    let scope =
        format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/{region}/lambda/aws4_request, SignedHeaders=host");
    let request = Message {
        first_line: "POST /2018-10-31/layers/sosw/versions HTTP/1.1".into(),
        headers: vec![("Authorization".into(), scope)],
        body: b"{}".to_vec(),
    };
    request.write(&mut stream)?;
    Message::read_answer(&mut BufReader::new(stream), "POST")
}

#[test]
fn without_rules_everything_goes_through_and_is_written_down() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    let answer = publish(&proxy, "eu-west-1").unwrap();
    assert_eq!((answer.status(), answer.body.as_slice()), (Some(200), &b"number 1"[..]));
    let calls = proxy.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].region.as_str(), calls[0].service.as_str()), ("eu-west-1", "lambda"));
    assert_eq!(calls[0].operation, "PublishLayerVersion");
    assert!(calls[0].operation.writes());
    assert_eq!((calls[0].size, calls[0].status), (2, Some(200)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_rule_keeps_to_its_operation_region_and_count() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::times(2, Fault::Throttle).of("PublishLayerVersion").in_region("eu-west-1").after(1));
    proxy.add(Rule::always(Fault::Unavailable).of("GetLayerVersion"));
    let statuses = ["us-east-1", "eu-west-1", "eu-west-1", "us-east-1", "eu-west-1", "eu-west-1"]
        .map(|region| publish(&proxy, region).unwrap().status().unwrap());
    assert_eq!(statuses, [200, 200, 429, 200, 429, 200]);
}

#[test]
fn answers_of_our_own_look_like_those_of_aws_or_do_not() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::times(1, Fault::Throttle));
    proxy.add(Rule::times(1, Fault::Html(502)));
    let answer = publish(&proxy, "eu-west-1").unwrap();
    assert_eq!(answer.header("x-amzn-errortype"), Some("TooManyRequestsException"));
    let answer = publish(&proxy, "eu-west-1").unwrap();
    assert_eq!((answer.status(), answer.header("content-type")), (Some(502), Some("text/html")));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn a_refused_call_does_not_go_through_and_a_dropped_answer_does() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::times(1, Fault::Refuse));
    assert!(publish(&proxy, "eu-west-1").is_err());
    assert_eq!(count.load(Ordering::SeqCst), 0);
    proxy.add(Rule::times(1, Fault::DropAnswer));
    assert!(publish(&proxy, "eu-west-1").is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_late_call_goes_through_after_the_client_was_cut_off() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::times(1, Fault::DeliverLate(Late::AfterCalls(2))));
    assert!(publish(&proxy, "eu-west-1").is_err());
    publish(&proxy, "eu-west-1").unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    publish(&proxy, "eu-west-1").unwrap();
    proxy.settle();
    assert_eq!(count.load(Ordering::SeqCst), 3);
    assert_eq!(proxy.calls().len(), 3);
}

#[test]
fn a_call_that_hangs_ends_when_the_client_gives_up() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::always(Fault::Hang));
    let mut stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(stream.read(&mut [0]).is_err());
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn half_an_answer_is_half_a_body() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::always(Fault::Truncate));
    assert_eq!(publish(&proxy, "eu-west-1").unwrap().body, b"numb");
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let (upstream, count) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.add(Rule::always(Fault::BreakOff));
    assert!(publish(&proxy, "eu-west-1").is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
