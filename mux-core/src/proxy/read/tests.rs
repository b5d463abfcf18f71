use std::net::SocketAddr;

use proptest::prelude::*;
use rstest::rstest;

use super::super::checksum::crc32c;
use super::super::header::{MAX_HEADER_LENGTH, Origin};
use super::*;

fn client(source: &str, destination: &str) -> Origin {
    Origin::Client { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

/// A header of version 2.
fn v2(version_and_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [v2::SIGNATURE, &[version_and_command, family], &length, body].concat()
}

fn ipv4() -> Vec<u8> {
    [&[192, 0, 2, 7, 198, 51, 100, 1][..], &50_000_u16.to_be_bytes(), &21_u16.to_be_bytes()]
        .concat()
}

fn ipv6() -> Vec<u8> {
    let source = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let destination = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    [&source[..], &destination, &50_000_u16.to_be_bytes(), &21_u16.to_be_bytes()].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// With the right checksum among its extensions.
fn checked(version_and_command: u8, family: u8, before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut header = v2(version_and_command, family, &[before, &tlv(3, &[0; 4]), after].concat());
    let sum = crc32c([&header[..]]).to_be_bytes();
    let at = 16 + before.len() + 3;
    header[at..at + 4].copy_from_slice(&sum);
    header
}

/// Read byte by byte, a header is wanted until the last one, and is then as long as it is.
#[track_caller]
fn is_header(header: &[u8], origin: Origin) {
    for length in 0..header.len() {
        assert_eq!(read(&header[..length]), Progress::More, "{length} bytes of {header:?}");
    }
    let whole = Progress::Header(Header { origin, length: header.len() });
    assert_eq!(read(header), whole);
    for after in [&b"USER anonymous\r\n"[..], header, &[0xff; 300]] {
        assert_eq!(read(&[header, after].concat()), whole, "what follows plays no part");
    }
}

#[test]
fn version_1() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
    assert_eq!(longest.len(), 107);
    let ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let both = format!("[{ip}]:65535");
    for (line, origin) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 8192\r\n",
            client("192.0.2.7:50000", "198.51.100.1:8192"),
        ),
        (
            "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
            client("0.0.0.0:0", "255.255.255.255:65535"),
        ),
        ("PROXY TCP6 2001:db8::7 ::1 50000 21\r\n", client("[2001:db8::7]:50000", "[::1]:21")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", client("[::ffff:192.0.2.7]:1", "[::1]:2")),
        (&format!("PROXY TCP6 {ip} {ip} 65535 65535\r\n"), client(&both, &both)),
        ("PROXY UNKNOWN\r\n", Origin::Unknown),
        ("PROXY UNKNOWN what it is\rnobody\nknows\r\n", Origin::Unknown),
        (&format!("PROXY UNKNOWN {ip} {ip} 65535 65535\r\n"), Origin::Unknown),
        (&longest, Origin::Unknown),
    ] {
        is_header(line.as_bytes(), origin);
    }
    is_header(b"PROXY UNKNOWN \xff\0\r\n", Origin::Unknown);
}

#[test]
fn version_2() {
    let ipv4_client = client("192.0.2.7:50000", "198.51.100.1:21");
    let ipv6_client = client("[2001:db8::7]:50000", "[2001:db8::1]:21");
    let extensions = [tlv(4, &[]), tlv(0x20, &[9; 400]), tlv(5, b"id")].concat();
    let longest = tlv(4, &[0; MAX_HEADER_LENGTH - 16 - 12 - 3]);
    for (header, origin) in [
        (v2(0x21, 0x11, &ipv4()), ipv4_client),
        (v2(0x21, 0x21, &ipv6()), ipv6_client),
        (v2(0x21, 0x11, &[ipv4(), extensions.clone()].concat()), ipv4_client),
        (v2(0x21, 0x21, &[ipv6(), extensions.clone()].concat()), ipv6_client),
        (v2(0x21, 0x11, &[ipv4(), longest].concat()), ipv4_client),
        (checked(0x21, 0x11, &ipv4(), &[]), ipv4_client),
        (checked(0x21, 0x21, &[ipv6(), tlv(2, b"host")].concat(), &extensions), ipv6_client),
        (v2(0x21, 0x00, &[]), Origin::Unknown),
        (v2(0x21, 0x00, &extensions), Origin::Unknown),
        // HAProxy's health checks, without and with a checksum.
        (v2(0x20, 0x00, &[]), Origin::Local),
        (checked(0x20, 0x00, &[], &[]), Origin::Local),
        (v2(0x20, 0x11, &ipv4()), Origin::Local),
        (checked(0x20, 0x11, &ipv4(), &[]), Origin::Local),
        (v2(0x20, 0x11, &[]), Origin::Local),
        (v2(0x20, 0x31, &[1, 2, 3]), Origin::Local),
    ] {
        is_header(&header, origin);
    }
}

#[rstest]
#[case::http(b"GET / HTTP/1.1\r\n", HeaderError::Absent)]
#[case::ftp(b"U", HeaderError::Absent)]
#[case::tls(b"\x16\x03\x01", HeaderError::Absent)]
#[case::lower_case(b"proxy TCP4 ", HeaderError::Absent)]
#[case::almost_2(b"\r\n\r\n\0\r\nQUIT\r", HeaderError::Absent)]
#[case::no_family(b"PROXY \r\n", HeaderError::Malformed)]
#[case::family(b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n", HeaderError::Malformed)]
#[case::unknown_with_a_tail(b"PROXY UNKNOWNS\r\n", HeaderError::Malformed)]
#[case::ipv6_as_ipv4(b"PROXY TCP4 ::1 ::1 1 2\r\n", HeaderError::Malformed)]
#[case::ipv4_as_ipv6(b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n", HeaderError::Malformed)]
#[case::octal(b"PROXY TCP4 192.0.02.7 192.0.2.1 1 2\r\n", HeaderError::Malformed)]
#[case::big_port(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n", HeaderError::Malformed)]
#[case::signed_port(b"PROXY TCP4 192.0.2.7 192.0.2.1 +1 2\r\n", HeaderError::Malformed)]
#[case::padded_port(b"PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n", HeaderError::Malformed)]
#[case::double_zero(b"PROXY TCP4 192.0.2.7 192.0.2.1 00 2\r\n", HeaderError::Malformed)]
#[case::one_port(b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n", HeaderError::Malformed)]
#[case::no_port(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 \r\n", HeaderError::Malformed)]
#[case::more(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n", HeaderError::Malformed)]
#[case::blank_at_the_end(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n", HeaderError::Malformed)]
#[case::two_blanks(b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n", HeaderError::Malformed)]
#[case::tab(b"PROXY TCP4\t192.0.2.7 192.0.2.1 1 2\r\n", HeaderError::Malformed)]
#[case::no_text(b"PROXY TCP4 \xff\r\n", HeaderError::Malformed)]
#[case::line_feed_alone(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\nUSER x\r\n", HeaderError::Malformed)]
fn what_is_no_header_is_refused(#[case] bytes: &[u8], #[case] error: HeaderError) {
    assert_eq!(read(bytes), Progress::Refused(error));
    assert!(!error.to_string().is_empty());
}

#[test]
fn a_line_without_an_end_is_too_long_at_its_107th_byte() {
    let line = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
    assert_eq!(read(&line[..106]), Progress::More);
    assert_eq!(read(&line[..107]), Progress::Refused(HeaderError::TooLong));
    let late = format!("PROXY UNKNOWN {}\r\n", "x".repeat(108 - 16));
    assert_eq!(read(late.as_bytes()), Progress::Refused(HeaderError::TooLong));
}

/// What is wrong is known as early as this many bytes.
#[test]
fn what_is_wrong_in_version_2_is_refused_as_early_as_it_is_known() {
    let mut wrong_sum = checked(0x21, 0x11, &ipv4(), &[]);
    *wrong_sum.last_mut().unwrap() ^= 1;
    let mut changed = checked(0x21, 0x11, &ipv4(), &[]);
    changed[16] ^= 1;
    let short = checked(0x20, 0x00, &[], &[]);
    let twice = [tlv(3, &[0; 4]), tlv(3, &[0; 4])].concat();
    for (header, length, error) in [
        (v2(0x11, 0x11, &ipv4()), 13, HeaderError::Version),
        (v2(0x31, 0x11, &ipv4()), 13, HeaderError::Version),
        (v2(0x22, 0x11, &ipv4()), 13, HeaderError::Malformed),
        (v2(0x21, 0x12, &ipv4()), 14, HeaderError::Family),
        (v2(0x21, 0x31, &[0; 216]), 14, HeaderError::Family),
        (v2(0x21, 0x01, &[]), 14, HeaderError::Family),
        (v2(0x21, 0x41, &[]), 14, HeaderError::Family),
        (v2(0x21, 0x11, &[0; 4081]), 16, HeaderError::TooLong),
        (v2(0x21, 0x11, &[0; 65_535]), 16, HeaderError::TooLong),
        (v2(0x20, 0x00, &[0; 65_535]), 16, HeaderError::TooLong),
        (v2(0x21, 0x11, &ipv4()[..11]), 16, HeaderError::Malformed),
        (v2(0x21, 0x21, &ipv6()[..35]), 16, HeaderError::Malformed),
        (v2(0x21, 0x21, &ipv4()), 16, HeaderError::Malformed),
        (v2(0x21, 0x11, &[ipv4(), vec![4]].concat()), 29, HeaderError::Malformed),
        (v2(0x21, 0x11, &[ipv4(), vec![4, 0, 9]].concat()), 31, HeaderError::Malformed),
        (v2(0x21, 0x11, &[ipv4(), vec![4, 0, 1]].concat()), 31, HeaderError::Malformed),
        (v2(0x21, 0x11, &[ipv4(), tlv(3, &[0; 3])].concat()), 34, HeaderError::Malformed),
        (v2(0x21, 0x11, &[ipv4(), twice].concat()), 42, HeaderError::Malformed),
        (wrong_sum, 35, HeaderError::Checksum),
        (changed, 35, HeaderError::Checksum),
        ([&short[..22], &[short[22] ^ 0x80]].concat(), 23, HeaderError::Checksum),
    ] {
        assert_eq!(read(&header[..length - 1]), Progress::More, "{header:?}");
        assert_eq!(read(&header[..length]), Progress::Refused(error), "{header:?}");
        assert_eq!(read(&header), Progress::Refused(error), "{header:?}");
    }
}

/// Bytes that get further than random ones.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any = || proptest::collection::vec(any::<u8>(), 0..200);
    let family = prop_oneof![Just(0x11_u8), Just(0x21), Just(0), proptest::num::u8::ANY];
    let binary =
        (0x1f_u8..0x23, family, any(), 0_u16..200).prop_map(|(command, family, body, length)| {
            [v2::SIGNATURE, &[command, family], &length.to_be_bytes(), &body].concat()
        });
    let line = "PROXY (TCP[46]|UNKNOWN|)( [0-9a-f:.]{1,40}){0,5}\r?\n?.{0,20}";
    prop_oneof![any(), binary, line.prop_map(String::into_bytes)]
}

proptest! {
    /// However bytes come, the verdict is the same, and once it has fallen it stays.
    #[test]
    fn the_verdict_depends_on_nothing_but_the_header(bytes in bytes(), after in bytes()) {
        let mut verdict = Progress::More;
        for length in 0..=bytes.len() {
            let now = read(&bytes[..length]);
            prop_assert!(verdict == Progress::More || verdict == now);
            verdict = now;
        }
        match verdict {
            Progress::More => prop_assert!(bytes.len() < MAX_HEADER_LENGTH),
            Progress::Header(header) => {
                prop_assert!(header.length <= bytes.len());
                prop_assert_eq!(read(&bytes[..header.length]), verdict);
                prop_assert_eq!(read(&[&bytes[..], &after].concat()), verdict);
            }
            Progress::Refused(_) => prop_assert_eq!(read(&[&bytes[..], &after].concat()), verdict),
        }
    }

    /// Any pair of addresses comes out as it went in, in both versions.
    #[test]
    fn addresses_come_out_as_they_went_in(
        ip in any::<(std::net::IpAddr, u128, u16, u16)>(),
        value in proptest::collection::vec(any::<u8>(), 0..300),
        bit in any::<proptest::sample::Index>(),
    ) {
        let (source, other, from, to) = ip;
        let (name, family, destination) = match source {
            std::net::IpAddr::V4(_) => {
                ("TCP4", 0x11, std::net::Ipv4Addr::from_bits((other >> 96) as u32).into())
            }
            std::net::IpAddr::V6(_) => {
                ("TCP6", 0x21, std::net::IpAddr::from(std::net::Ipv6Addr::from_bits(other)))
            }
        };
        let origin = Origin::Client {
            source: SocketAddr::new(source, from),
            destination: SocketAddr::new(destination, to),
        };
        let line = format!("PROXY {name} {source} {destination} {from} {to}\r\n");
        let length = line.len();
        prop_assert_eq!(read(line.as_bytes()), Progress::Header(Header { origin, length }));

        let mut body = Vec::new();
        for address in [source, destination] {
            match address {
                std::net::IpAddr::V4(ip) => body.extend(ip.octets()),
                std::net::IpAddr::V6(ip) => body.extend(ip.octets()),
            }
        }
        body.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        let mut header = checked(0x21, family, &body, &tlv(4, &value));
        let length = header.len();
        prop_assert_eq!(read(&header), Progress::Header(Header { origin, length }));
        // A checksum finds any single bit that has changed, in addresses and values alike.
        let bit = 8 * 16 + bit.index(8 * body.len());
        header[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(read(&header), Progress::Refused(HeaderError::Checksum));
    }
}
