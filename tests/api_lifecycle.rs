//! Starting, ending and starting again; what blocked calls and child processes see of it. The library is one for the whole
//! process, so these tests take turns.

#[path = "support/mod.rs"]
mod support;

use rserpool::api::{
    self, AddressInfo, ConnectOptions, FailoverFlags, LoadInfo, PeRegistrationOptions, RegisterOptions, SendOptions,
    Timeout, Wait,
};
use rserpool::driver::clock;
use rserpool::transport::{self, EndpointConfig, SctpParameters, TransportChoice, TransportEvent};
use rserpool::wire::Policy;
use rserpool::{PoolElementId, SessionId};
use std::io::{BufRead, BufReader};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use support::api::*;

fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The errno of every function that takes a descriptor, called with this one.
fn errnos_of_everything(sd: libc::c_int) -> Vec<(&'static str, libc::c_int)> {
    fn errno<T: std::fmt::Debug>(result: api::Result<T>) -> libc::c_int {
        result.map_or_else(|error| error.errno, |_| 0)
    }
    let (load, options) = (LoadInfo::default(), RegisterOptions::default());
    let int = 1i32.to_ne_bytes();
    vec![
        ("bind", errno(api::bind(sd, &[]))),
        ("listen", errno(api::listen(sd, 10))),
        ("accept", errno(api::accept(sd, Timeout::Now))),
        ("connect", errno(api::connect(sd, b"pool", ConnectOptions::default()))),
        ("register", errno(api::register(sd, b"pool", &load, Duration::ZERO, options))),
        ("deregister", errno(api::deregister(sd, Wait::ForAnswer))),
        ("close", errno(api::close(sd))),
        ("sendmsg", errno(api::sendmsg(sd, b"x", &SendOptions::default(), Timeout::Now))),
        ("recvmsg", errno(api::recvmsg(sd, &mut [0; 32], Timeout::Now))),
        ("recvfullmsg", errno(api::recvfullmsg(sd, &mut [0; 32], Timeout::Now))),
        ("send_cookie", errno(api::send_cookie(sd, b"c", SessionId(1), Timeout::Now))),
        ("has_cookie", errno(api::has_cookie(sd))),
        ("force_failover", errno(api::force_failover(sd, FailoverFlags::default(), Duration::ZERO))),
        ("getsockname", errno(api::getsockname(sd))),
        ("getpeername", errno(api::getpeername(sd))),
        ("getsockopt", errno(api::getsockopt(sd, api::SOL_RSERPOOL, api::OPTION_AUTO_FAILOVER, &mut [0; 4]))),
        ("setsockopt", errno(api::setsockopt(sd, api::SOL_RSERPOOL, api::OPTION_AUTO_FAILOVER, &int))),
        ("update_session_parameters", errno(api::update_session_parameters(sd, &Default::default()))),
        ("unmapsocket", errno(api::unmapsocket(sd))),
    ]
}

fn errnos_without_descriptor() -> Vec<(&'static str, libc::c_int)> {
    fn errno<T: std::fmt::Debug>(result: api::Result<T>) -> libc::c_int {
        result.map_or_else(|error| error.errno, |_| 0)
    }
    vec![
        ("socket", errno(api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0))),
        ("getaddrinfo", errno(api::getaddrinfo(b"pool", None, Duration::ZERO))),
        ("pe_failure", errno(api::pe_failure(b"pool", PoolElementId(1)))),
        ("poll", errno(api::poll(&mut [], Timeout::Now))),
        ("select", errno(api::select(0, None, None, None, Timeout::Now))),
        ("mapsocket", errno(api::mapsocket(0, -1))),
    ]
}

#[test]
fn before_initialisation_every_call_fails_with_eacces() {
    let _turn = my_turn();
    api::cleanup();
    for (name, errno) in errnos_of_everything(3).into_iter().chain(errnos_without_descriptor()) {
        assert_eq!(errno, libc::EACCES, "{name}");
    }
}

#[test]
fn a_number_that_is_no_descriptor_of_ours_gives_ebadf_everywhere() {
    let _turn = my_turn();
    api::initialize(&config(start_registrar())).unwrap();
    for sd in [-1, 1_000_000, libc::c_int::MAX, libc::c_int::MIN] {
        for (name, errno) in errnos_of_everything(sd) {
            assert_eq!(errno, libc::EBADF, "{name}({sd})");
        }
    }
    let closed = seqpacket_socket();
    api::close(closed).unwrap();
    for (name, errno) in errnos_of_everything(closed) {
        assert_eq!(errno, libc::EBADF, "{name} of a closed socket");
    }
    // Standard input and outputs count as mapped, as in rsplib: they are descriptors, but not sockets of a pool.
    for sd in 0..=2 {
        assert_eq!(api::bind(sd, &[]).unwrap_err().errno, libc::EOPNOTSUPP, "bind({sd})");
    }
    api::cleanup();
}

#[test]
fn pool_handles_that_are_empty_or_too_long_are_refused() {
    let _turn = my_turn();
    api::initialize(&config(start_registrar())).unwrap();
    let sd = seqpacket_socket();
    for (len, errno) in [(0, libc::EINVAL), (33, libc::ENAMETOOLONG), (70_000, libc::ENAMETOOLONG)] {
        let handle = vec![b'h'; len];
        assert_eq!(api::connect(sd, &handle, ConnectOptions::default()).unwrap_err().errno, errno);
        let result = api::register(sd, &handle, &LoadInfo::default(), Duration::ZERO, RegisterOptions::default());
        assert_eq!(result.unwrap_err().errno, errno);
        assert_eq!(api::getaddrinfo(&handle, None, Duration::ZERO).unwrap_err().errno, errno);
    }
    assert_eq!(api::getaddrinfo(b"no such pool", None, Duration::ZERO).unwrap_err().errno, libc::ENOENT);
    api::cleanup();
}

#[test]
fn cleanup_wakes_whatever_is_blocked_and_the_library_starts_again() {
    let _turn = my_turn();
    let registrar = start_registrar();
    for round in 0..3 {
        api::initialize(&config(registrar)).unwrap();
        let (server, listener) = (seqpacket_socket(), stream_socket());
        register(server, "again");
        register(listener, "again, one to one");
        let client = connect("again");
        send(client, "hello");
        receive(server);
        assert_eq!(receive(server).0, Got::Data("hello".into()), "round {round}");
        let blocked = [
            std::thread::spawn(move || api::recvmsg(client, &mut [0; 32], Timeout::Never).unwrap_err().errno),
            std::thread::spawn(move || api::recvmsg(server, &mut [0; 32], Timeout::Never).unwrap_err().errno),
            std::thread::spawn(move || api::accept(listener, Timeout::Never).unwrap_err().errno),
        ];
        api::cleanup();
        for thread in blocked {
            let errno = thread.join().unwrap();
            // A thread that was late sees the library gone.
            assert!([libc::ECANCELED, libc::EACCES, libc::EBADF].contains(&errno), "errno {errno}");
        }
    }
}

#[test]
fn without_any_registrar_calls_end_in_time_and_register_and_connect_succeed_all_the_same() {
    let _turn = my_turn();
    // A port that nobody listens to: bound, then given up.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let impatient = Duration::from_millis(300);
    api::initialize(&api::Config { request_timeout: Some(impatient), ..config(nobody) }).unwrap();
    let server = seqpacket_socket();
    api::register(server, b"lonely", &LoadInfo::default(), Duration::ZERO, RegisterOptions::default()).unwrap();
    let client = connect("lonely");
    assert!(matches!(receive(client).0, Got::Notification(api::Notification::FailoverNecessary { .. })));
    let error = api::getaddrinfo(b"lonely", None, Duration::ZERO).unwrap_err();
    assert_eq!(error.errno, libc::EHOSTUNREACH, "{error}");
    // A session that goes on searching by itself says why nothing can be sent yet.
    let client = seqpacket_socket();
    api::setsockopt(client, api::SOL_RSERPOOL, api::OPTION_AUTO_FAILOVER, &1i32.to_ne_bytes()).unwrap();
    api::connect(client, b"lonely", ConnectOptions::default()).unwrap();
    let error = api::sendmsg(client, b"x", &SendOptions::default(), Timeout::Now).unwrap_err();
    assert_eq!(error.errno, libc::EAGAIN);
    assert!(error.text.contains("no element of pool \"lonely\" yet: no registrar answered"), "{error}");
    api::cleanup();
}

#[test]
#[ignore = "the process that another test starts and stops"]
fn closing_process() {
    let Ok(registrar) = std::env::var("TEST_REGISTRAR") else { return };
    api::initialize(&config(registrar.parse().unwrap())).unwrap();
    let client = connect("closing");
    let message = [0; 50_000];
    let mut sent = 0;
    // As much as the queue takes.
    while sent < 4_000_000 && api::sendmsg(client, &message, &SendOptions::default(), Timeout::Now).is_ok() {
        sent += message.len();
    }
    println!("sent {sent}");
    api::close(client).unwrap();
    // SAFETY: stops this process, until the one that has started it lets it go on.
    unsafe { libc::raise(libc::SIGSTOP) };
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn what_is_queued_when_a_socket_is_closed_arrives_though_the_process_is_stopped_for_longer_than_that_may_take() {
    let _turn = my_turn();
    let registrar = start_registrar();
    api::initialize(&config(registrar)).unwrap();
    // A server that receives only when this test lets it, and does not miss its client meanwhile.
    let patient = SctpParameters { heartbeat_interval: Duration::from_secs(60), ..SctpParameters::default() };
    let bind = vec!["127.0.0.1:0".parse().unwrap()];
    let endpoint = EndpointConfig { bind, listen: true, parameters: patient, ..EndpointConfig::default() };
    let mut server = transport::open(TransportChoice::SctpUdp, &endpoint).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.local_port()));
    let element = AddressInfo {
        socket_type: libc::SOCK_STREAM,
        protocol: libc::IPPROTO_SCTP,
        addresses: vec![address],
        pool_element_id: PoolElementId(0),
        policy: Policy::RoundRobin,
    };
    api::pe_registration(
        b"closing",
        &element,
        &LoadInfo::default(),
        PeRegistrationOptions { life: Duration::from_secs(300), ..Default::default() },
    )
    .unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "closing_process", "--nocapture", "--test-threads=1"])
        .env("TEST_REGISTRAR", registrar.to_string())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id() as libc::pid_t;
    let (mut up, mut lost, mut arrived) = (false, false, 0);
    let mut receive = |server: &mut Box<dyn transport::Transport>| {
        let wake = server.next_deadline().map(|at| at.saturating_since(clock::now()));
        let mut fds = [libc::pollfd { fd: server.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 }];
        rserpool::driver::client::system::poll(&mut fds, wake).unwrap();
        server.poll(clock::now(), &mut |event| match event {
            TransportEvent::Up { .. } => up = true,
            TransportEvent::Message { payload, .. } => arrived += payload.len(),
            TransportEvent::Lost { .. } => lost = true,
            _ => {}
        });
        (up, lost, arrived)
    };
    while !receive(&mut server).0 {}
    // Without an acknowledgement most of it stays in the queue.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let sent = lines.find_map(|line| line.split_once("sent ").and_then(|(_, bytes)| bytes.parse().ok()));
    let sent: usize = sent.expect("the process says what it has sent");
    // SAFETY: the process is our child; it stops itself.
    assert_eq!(unsafe { libc::waitpid(process, std::ptr::null_mut(), libc::WUNTRACED) }, process);
    // Longer than a socket that is closed has time.
    rserpool::driver::client::system::poll(&mut [], Some(Duration::from_millis(5500))).unwrap();
    // SAFETY: the process is our child, and has not ended.
    assert_eq!(unsafe { libc::kill(process, libc::SIGCONT) }, 0);
    let (mut lost, mut arrived) = (false, 0);
    while !lost {
        (_, lost, arrived) = receive(&mut server);
    }
    assert_eq!(arrived, sent);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    api::cleanup();
}

#[test]
fn a_request_has_as_many_rounds_of_connects_as_the_program_says() {
    let _turn = my_turn();
    api::cleanup();
    let unreachable = "127.0.0.1:9".parse().unwrap();
    // Ten minutes, were it not for the trials.
    let (request_timeout, connect_max_trials) = (Some(Duration::from_secs(600)), Some(2));
    api::initialize(&api::Config { request_timeout, connect_max_trials, ..config(unreachable) }).unwrap();
    let error = api::getaddrinfo(b"pool", None, Duration::ZERO).unwrap_err();
    assert_eq!(error.errno, libc::EHOSTUNREACH, "{error}");
    api::cleanup();
}

#[test]
fn a_signal_ends_poll_and_a_blocked_receive_with_eintr() {
    let _turn = my_turn();
    extern "C" fn handler(_: libc::c_int) {}
    // SAFETY: the handler does nothing, and the action is otherwise empty.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
    }
    api::initialize(&config(start_registrar())).unwrap();
    let server = seqpacket_socket();
    register(server, "signals");
    let waits: [fn(libc::c_int) -> libc::c_int; 2] = [
        |sd| api::recvmsg(sd, &mut [0; 32], Timeout::Never).unwrap_err().errno,
        |sd| {
            let mut fds = [libc::pollfd { fd: sd, events: libc::POLLIN, revents: 0 }];
            api::poll(&mut fds, Timeout::Never).unwrap_err().errno
        },
    ];
    for wait in waits {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            // SAFETY: always succeeds.
            tell.send(unsafe { libc::pthread_self() }).unwrap();
            wait(server)
        });
        let id = told.recv().unwrap();
        // Again and again, as the first one may come before the thread waits.
        while !thread.is_finished() {
            // SAFETY: the thread has not been joined, so its identifier is valid.
            unsafe { libc::pthread_kill(id, libc::SIGUSR1) };
            std::thread::yield_now();
        }
        assert_eq!(thread.join().unwrap(), libc::EINTR);
    }
    api::cleanup();
}

#[test]
fn a_child_process_gets_eownerdead_and_can_start_afresh() {
    let _turn = my_turn();
    let registrar = start_registrar();
    api::initialize(&config(registrar)).unwrap();
    let server = seqpacket_socket();
    register(server, "forking");
    // SAFETY: the child only calls what is under test, then leaves without running anything of the parent's.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let inherited = errnos_of_everything(server).into_iter().chain(errnos_without_descriptor());
        let refused = inherited.filter(|(_, errno)| *errno != libc::EOWNERDEAD).count() == 0;
        let not_yet = api::initialize(&config(registrar)).is_err_and(|error| error.errno == libc::EOWNERDEAD);
        api::cleanup();
        let fresh = api::initialize(&config(registrar)).is_ok();
        let usable = api::getaddrinfo(b"forking", None, Duration::ZERO).is_ok();
        api::cleanup();
        let code = i32::from(!refused) | i32::from(!not_yet) << 1 | i32::from(!fresh) << 2 | i32::from(!usable) << 3;
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `status` is an int of ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status));
    assert_eq!(libc::WEXITSTATUS(status), 0, "bits: 1 refused, 2 not yet, 4 fresh, 8 usable");
    // The parent goes on as if nothing had happened.
    let client = connect("forking");
    send(client, "still here");
    receive(server);
    assert_eq!(receive(server).0, Got::Data("still here".into()));
    api::cleanup();
}

#[test]
fn a_bound_socket_takes_its_endpoint_along_when_it_is_closed() {
    const ROUNDS: usize = 100;
    let _turn = my_turn();
    let registrar = start_registrar();
    api::initialize(&config(registrar)).unwrap();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // What the library opens for itself, once, may come between.
    let enough = descriptors() + ROUNDS / 4;
    for round in 0..ROUNDS {
        let sd = seqpacket_socket();
        api::bind(sd, &["127.0.0.1:0".parse().unwrap()]).unwrap();
        if round % 2 == 0 {
            api::listen(sd, 1).unwrap();
        }
        api::close(sd).unwrap();
    }
    let end = rserpool::driver::clock::now() + PATIENCE;
    // The I/O thread closes them, soon.
    while descriptors() > enough {
        assert!(rserpool::driver::clock::now() < end, "{} descriptors, where {enough} are enough", descriptors());
        std::thread::yield_now();
    }
    api::cleanup();
}
