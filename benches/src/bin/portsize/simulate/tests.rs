use super::*;

const MS: u64 = 1_000_000;

fn setting(ports: u16, wait_ms: u64) -> Setting {
    Setting {
        ports,
        multiplexed: true,
        wait: Duration::from_millis(wait_ms),
        ttl: Duration::from_millis(100),
    }
}

/// Requests as (milliseconds, client, milliseconds to the connection).
fn run(setting: Setting, requests: &[(u64, u32, Option<u64>)]) -> Outcome {
    let arrivals = requests.iter().map(|&(at, client, after)| Arrival {
        at: at * MS,
        client,
        connects_after: after.map(|after| after * MS),
    });
    simulate(setting, 10, 100, 1, 0, arrivals)
}

fn longest_wait_ms(outcome: &Outcome) -> u64 {
    (outcome.waits.max() + 500) / 1000
}

#[test]
fn a_client_has_every_port_to_itself() {
    let requests = [(0, 1, Some(10)), (1, 2, Some(10)), (2, 1, Some(10)), (12, 2, Some(10))];
    assert_eq!(run(setting(1, 0), &requests).refused, 1);
    let one_for_all = Setting { multiplexed: false, ..setting(1, 0) };
    assert_eq!(run(one_for_all, &requests).refused, 2);
}

#[test]
fn who_never_connects_holds_the_port_until_the_deadline() {
    let requests = [(0, 1, None), (99, 1, Some(10)), (100, 1, Some(10))];
    assert_eq!(run(setting(1, 0), &requests).refused, 1);
}

#[test]
fn who_waits_is_served_in_turn_and_newcomers_do_not_overtake() {
    // The port is free at 10, is taken by the second until 20, by the third until 30.
    let requests = [(0, 1, Some(10)), (1, 1, Some(10)), (2, 1, Some(10)), (20, 1, Some(10))];
    let outcome = run(setting(1, 50), &requests);
    assert_eq!(outcome.refused, 0);
    assert_eq!(longest_wait_ms(&outcome), 18);
    // Nobody of the other client's is in anybody's way.
    assert_eq!(longest_wait_ms(&run(setting(1, 50), &[(0, 1, None), (1, 2, None)])), 0);
}

#[test]
fn waiting_is_bounded_in_time_and_number() {
    let outcome = run(setting(1, 50), &[(0, 1, None), (1, 1, None), (60, 1, Some(1))]);
    assert_eq!((outcome.requests, outcome.refused), (3, 1));
    assert_eq!(longest_wait_ms(&outcome), 50);
    let crowd: Vec<_> = (0..300).map(|_| (0, 1, None)).collect();
    let outcome = run(setting(1, 200), &crowd);
    assert_eq!(outcome.waits.count_at(0), 300 - MAX_WAITING.0 as u32);
}
