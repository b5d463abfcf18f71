//! The analysis: what share of requests is refused, by formula.

/// Erlang B: the share refused at once when requests with an offered load of `load` come to
/// `ports` ports. It holds for every distribution of the time that a port is taken; only the
/// mean counts.
pub(crate) fn refused_at_once(ports: u32, load: f64) -> f64 {
    (1..=ports).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// The share refused when a request waits in line for at most `patience`, in units of the mean
/// time that a port is taken (M/M/N+D; Baccelli and Hebuterne, 1981). For exponential times.
pub(crate) fn refused_after_waiting(ports: u32, load: f64, patience: f64) -> f64 {
    if load == 0.0 {
        return 0.0;
    }
    let n = f64::from(ports);
    let before = refused_at_once(ports - 1, load);
    let excess = load - n;
    // Everything is divided by exp(growth), which overflows.
    let growth = excess * patience;
    let shrunk = (-growth).exp();
    // The chance that all ports are taken falls or rises exponentially along the line.
    let line = if excess == 0.0 { patience } else { -(-growth).exp_m1() / excess };
    let refused = load / n / (shrunk / before + load * line + load / n);
    if refused.is_finite() { refused } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads at which 1 % and 0.1 % are refused, from published tables.
    const PUBLISHED: [(u32, f64, f64); 4] =
        [(5, 1.36, 0.76), (9, 3.78, 2.56), (20, 12.0, 9.4), (50, 37.9, 32.5)];

    #[test]
    fn the_published_loads_of_erlang_b() {
        for (ports, one_percent, one_permille) in PUBLISHED {
            let refused = refused_at_once(ports, one_percent);
            assert!((refused - 0.01).abs() < 0.0003, "{ports} ports: {refused}");
            let refused = refused_at_once(ports, one_permille);
            assert!((refused - 0.001).abs() < 0.00003, "{ports} ports: {refused}");
        }
    }

    #[test]
    fn without_patience_it_is_erlang_b_and_with_endless_patience_what_is_too_much() {
        for (ports, load) in [(1, 0.5), (5, 1.36), (9, 9.0), (9, 30.0), (50, 400.0)] {
            let (b, zero) = (refused_at_once(ports, load), refused_after_waiting(ports, load, 0.0));
            assert!((zero / b - 1.0).abs() < 1e-9, "{ports} {load}: {zero}, not {b}");
            let endless = refused_after_waiting(ports, load, 1e5);
            let surplus = (1.0 - f64::from(ports) / load).max(0.0);
            assert!((endless - surplus).abs() < 1e-4, "{ports} {load}: {endless}");
        }
        // One port, load 1, patience of one mean time: 1 / (1 + 1 + 1).
        assert!((refused_after_waiting(1, 1.0, 1.0) - 1.0 / 3.0).abs() < 1e-12);
    }
}
