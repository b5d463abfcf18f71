//! What the fuzzer does with paths, wildcards, listings and arguments: with its corpora, and with
//! bytes made up here.

use proptest::prelude::*;

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/fact_arguments.rs"]
mod fact_arguments;
#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/ftp_path.rs"]
mod ftp_path;
#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/listing.rs"]
mod listing;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/wildcard.rs"]
mod wildcard;

#[test]
fn every_path_stays_below_the_root() {
    replay::replay("ftp_path", ftp_path::run);
}

#[test]
fn every_pattern_matches_what_it_says() {
    replay::replay("wildcard", wildcard::run);
}

#[test]
fn every_name_is_listed_or_left_out() {
    replay::replay("listing", listing::run);
}

#[test]
fn every_argument_is_read_or_refused() {
    replay::replay("fact_arguments", fact_arguments::run);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn short_patterns_match_what_they_say(
        text in "[ab*?\\[\\]!^.-]{0,10}\n[ab\\[\\]!^.-]{0,8}"
    ) {
        wildcard::run(text.as_bytes());
    }

    #[test]
    fn times_are_read_or_refused(text in "(19[67][0-9]|2[0-9]{3})[0-3][0-9]{9}(\\.[0-9]{0,11})? a?") {
        fact_arguments::run(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn odd_names_are_listed_or_left_out(
        names in prop::collection::vec(prop::sample::select(&b"/ab .;=@-*[\r\n\t\xfc\xff"[..]), 0..60)
    ) {
        listing::run(&names);
    }
}
