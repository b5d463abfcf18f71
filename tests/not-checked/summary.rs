//! The last words of a run of the tests: what was not checked on this machine, and what would
//! make it so.

use std::collections::BTreeMap;

use not_checked::machine;

fn main() {
    let mut by_need: BTreeMap<machine::Lacking, Vec<String>> = BTreeMap::new();
    for (lacking, test) in machine::take_list() {
        by_need.entry(lacking).or_default().push(test);
    }
    if by_need.is_empty() {
        println!("\nNothing was left out: this machine has what these tests need.\n");
        return;
    }
    println!("\nNOT CHECKED, because this machine lacks what it takes:");
    for (lacking, tests) in by_need {
        println!("\n* {}. {}", lacking.what, lacking.remedy);
        for test in tests {
            println!("    {test}");
        }
    }
    println!("\nAll of these fail with CI=true.\n");
}
