use super::*;

/// 2025-07-10T14:02:31Z.
const AT: i64 = 1_752_156_151;

fn any(text: &str) -> Option<(i64, Grain, bool)> {
    let moment = Times::default().any(text.as_bytes())?;
    Some((moment.at, moment.grain, moment.zoned))
}

#[test]
fn every_way_to_write_a_moment() {
    for (text, grain, zoned) in [
        ("1752156151", Grain::Second, true),
        ("1752156151000", Grain::Fine, true),
        ("1752156151000000", Grain::Fine, true),
        ("1752156151.000", Grain::Fine, true),
        ("2025-07-10T14:02:31Z", Grain::Second, true),
        ("2025-07-10T14:02:31.000Z", Grain::Fine, true),
        ("2025-07-10T16:02:31+02:00", Grain::Second, true),
        ("2025-07-10 16:02:31 +0200", Grain::Second, true),
        ("2025-07-10 14:02:31,000", Grain::Fine, false),
        (" 2025/07/10 14:02:31 UTC ", Grain::Second, true),
        ("10/Jul/2025:14:02:31 +0000", Grain::Second, true),
        ("[10/Jul/2025:09:02:31 -0500]", Grain::Second, true),
        ("Thu Jul 10 14:02:31 2025", Grain::Second, false),
        ("Thu Jul 10 14:02:31 UTC 2025", Grain::Second, true),
        ("Thu, 10 Jul 2025 14:02:31 GMT", Grain::Second, true),
        ("10-Jul-2025 14:02:31", Grain::Second, false),
        ("Jul 10, 2025 2:02:31 PM", Grain::Second, false),
        ("10.07.2025 14:02:31", Grain::Second, false),
        ("2025-07-10 14:02:31 CEST", Grain::Second, false),
    ] {
        assert_eq!(any(text), Some((AT * NANOS, grain, zoned)), "{text}");
    }
    assert_eq!(any("2025-07-10 14:02"), Some(((AT - 31) * NANOS, Grain::Minute, false)));
    assert_eq!(any("1752156151.5").unwrap().0, AT * NANOS + NANOS / 2);
}

#[test]
fn what_is_no_moment() {
    for text in [
        "",
        "noon",
        "17",
        "12345.67",
        "2025-07-10",
        "14:02:31",
        "2025-13-10 14:02:31",
        "2025-02-30 14:02:31",
        "2025-07-10 25:02:31",
        "10.13.2025 14:02:31",
        "13/13/2025 14:02:31",
        "192.0.2.7",
        "10/07/25 14:02:31",
        "2025-07-10 14:02:31 and more",
        "0:00 AM",
    ] {
        assert_eq!(any(text), None, "{text}");
    }
}

fn numbered(texts: &[&str], told: Option<DateOrder>) -> Result<Vec<i64>, DateTrouble> {
    let mut times = Times::default();
    let moments: Vec<i64> =
        texts.iter().map(|text| times.numbered(text.as_bytes()).unwrap().0.at).collect();
    let (resolve, _) = times.resolve(told)?;
    Ok(moments.into_iter().map(|at| resolve(at) / NANOS).collect())
}

#[test]
fn dates_of_three_numbers_are_understood_when_the_file_tells_how() {
    let second = |text| any(text).unwrap().0 / NANOS;
    let (first, last) = (second("2026-01-02 10:00:00"), second("2026-01-13 10:00:00"));
    let dmy = ["02/01/2026 10:00:00", "13/01/2026 10:00:00"];
    assert_eq!(numbered(&dmy, None), Ok(vec![first, last]));
    let mdy = ["1/2/2026 10:00:00 AM", "1/13/2026 10:00:00 AM"];
    assert_eq!(numbered(&mdy, None), Ok(vec![first, last]));
    // One day is one day.
    let one = numbered(&["01/02/2026 10:00:00", "01/02/2026 10:00:09"], None).unwrap();
    assert_eq!(one[1] - one[0], 9);
    let unclear = ["01/02/2026 10:00:00", "02/02/2026 10:00:00"];
    assert!(matches!(numbered(&unclear, None), Err(DateTrouble::Ambiguous { .. })));
    let told = numbered(&unclear, Some(DateOrder::Dmy)).unwrap();
    assert_eq!(told[1] - told[0], 86_400);
    let both = ["13/01/2026 10:00:00", "01/13/2026 10:00:00"];
    assert!(matches!(numbered(&both, None), Err(DateTrouble::Contradictory { .. })));
}

#[test]
fn a_year_that_is_not_written_passes_at_its_end() {
    let mut times = Times::default();
    let mut at = |text: &str| times.syslog(text.as_bytes()).unwrap().0.at / NANOS;
    let (last, first) = (at("Dec 31 23:59:59 x"), at("Jan  1 00:00:00 x"));
    assert_eq!(first - last, 1);
    // A line that comes a moment late is not a year late.
    assert_eq!(at("Dec 31 23:59:59 x"), last);
    assert_eq!(times.years_passed, 1);
}
