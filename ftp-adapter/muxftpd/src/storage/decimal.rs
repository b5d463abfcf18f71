//! Numbers as text. A listing has five in each line, and the formatting of the standard library
//! would take as long as to ask the kernel for them.

/// Appends `number`, with spaces before it if it has fewer than `width` digits.
pub(crate) fn push(into: &mut Vec<u8>, number: u64, width: usize) {
    push_filled(into, number, width, b' ');
}

/// Appends `number`, with zeroes before it if it has fewer than `width` digits.
pub(crate) fn push_zeroed(into: &mut Vec<u8>, number: u64, width: usize) {
    push_filled(into, number, width, b'0');
}

fn push_filled(into: &mut Vec<u8>, mut number: u64, width: usize, fill: u8) {
    let mut digits = [fill; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let begin = begin.min(digits.len() - width.min(digits.len()));
    into.extend_from_slice(&digits[begin..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_look_as_the_standard_library_shows_them(number: u64, width in 0_usize..20) {
            let mut text = Vec::new();
            push(&mut text, number, width);
            push_zeroed(&mut text, number >> 40, width);
            let expected = format!("{number:>width$}{:0>width$}", number >> 40);
            prop_assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
