//! Numbers for people.

/// With a comma after every three digits.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With about three digits that count.
pub(crate) fn figure(number: f64) -> String {
    match number.abs() {
        large if large >= 1000.0 => thousands(number.round() as usize),
        hundreds if hundreds >= 100.0 => format!("{number:.0}"),
        tens if tens >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [0, 999, 1000, 16_384, 1_000_000].map(thousands),
            ["0", "999", "1,000", "16,384", "1,000,000"]
        );
        assert_eq!([0.123, 12.34, 123.4, 12_345.6].map(figure), ["0.12", "12.3", "123", "12,346"]);
    }
}
