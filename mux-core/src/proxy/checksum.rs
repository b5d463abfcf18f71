//! CRC-32C (Castagnoli), RFC 4960 appendix B.

/// The polynomial, lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What each byte does to the remainder.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let divides = remainder & 1 == 1;
            remainder >>= 1;
            if divides {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
};

/// The checksum of all parts, one after the other.
pub(super) fn crc32c<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let step = |remainder: u32, &byte: &u8| {
        remainder >> 8 ^ TABLE[usize::from(remainder.to_le_bytes()[0] ^ byte)]
    };
    !parts.into_iter().flatten().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_checksums() {
        // The usual check value, and those of RFC 3720, appendix B.4.
        for (bytes, expected) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32][..], 0x62a8_ab43),
            (&[][..], 0),
        ] {
            assert_eq!(crc32c([bytes]), expected);
            let (before, after) = bytes.split_at(bytes.len() / 3);
            assert_eq!(crc32c([before, after]), expected);
        }
    }
}
