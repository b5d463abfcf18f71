//! The classic BPF program that maps a source address to an index.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::AttachReusePortCbpf;

use crate::Client;

/// The most instructions the kernel takes in one program (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4096;

/// Instructions around the entries (load the address, return 0), and for each entry.
const V4_FRAME: usize = 2;
const V4_ENTRY: usize = 2;
const V6_FRAME: usize = 10;
const V6_ENTRY: usize = 9;

/// The most members a group on an IPv4 address can have.
pub const MAX_MEMBERS_V4: usize = (MAX_INSTRUCTIONS - V4_FRAME) / V4_ENTRY;
/// The most members a group on an IPv6 address can have.
pub const MAX_MEMBERS_V6: usize = (MAX_INSTRUCTIONS - V6_FRAME) / V6_ENTRY;

/// Where the source address starts in the network header.
const V4_SOURCE: u32 = libc::SKF_NET_OFF.cast_unsigned() + 12;
const V6_SOURCE: u32 = libc::SKF_NET_OFF.cast_unsigned() + 8;

/// A program for a group of one address family.
///
/// The version of the IP header is not looked at: an IPv4 socket sees IPv4 only, and our IPv6
/// sockets are `IPV6_V6ONLY`.
pub(super) struct Program(Vec<libc::sock_filter>);

impl Program {
    /// A program that returns the index of the entry whose client sent the packet, else 0.
    /// Every client must be of the family that `ipv4` says.
    pub(super) fn new(ipv4: bool, entries: impl Iterator<Item = (Client, u32)>) -> Self {
        let mut code = Vec::with_capacity(16);
        if ipv4 {
            code.push(load(V4_SOURCE));
        } else {
            // Words 0 to 2 in M[0..3], word 3 in both A and X. The last word differs most among
            // clients, so it is compared first, and a mismatch costs one instruction.
            for word in 0..3 {
                code.push(load(V6_SOURCE + 4 * word));
                code.push(statement(libc::BPF_ST, word));
            }
            code.push(load(V6_SOURCE + 12));
            code.push(statement(libc::BPF_MISC | libc::BPF_TAX, 0));
        }
        for (client, index) in entries {
            match client.ip() {
                IpAddr::V4(ip) => v4_entry(&mut code, ip.to_bits(), index),
                IpAddr::V6(ip) => v6_entry(&mut code, ip.to_bits(), index),
            }
        }
        if !ipv4 {
            // The last entry, too, jumps to the first or the second instruction behind it.
            code.push(give(0));
        }
        code.push(give(0));
        Self(code)
    }

    /// Attaches the program to the group that `member`, any socket of it, belongs to. The group has
    /// either the old program or this one at any moment; on an error it keeps the old one.
    pub(super) fn attach(&mut self, member: &impl AsFd) -> io::Result<()> {
        let len =
            u16::try_from(self.0.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
        // The kernel copies the program out of `self`, which outlives the call.
        let program = libc::sock_fprog { len, filter: self.0.as_mut_ptr() };
        Ok(setsockopt(member, AttachReusePortCbpf, &program)?)
    }
}

/// A holds the address; so it does after the entry, if that did not match.
fn v4_entry(code: &mut Vec<libc::sock_filter>, ip: u32, index: u32) {
    code.push(unless_equal(ip, 1));
    code.push(give(index));
}

/// Entered at its second instruction with word 3 in A, or at its first with anything in A.
fn v6_entry(code: &mut Vec<libc::sock_filter>, ip: u128, index: u32) {
    let word = |n: u32| (ip >> (96 - 32 * n)) as u32;
    code.push(statement(libc::BPF_MISC | libc::BPF_TXA, 0));
    // Nothing has touched A on a mismatch here: go on at the next entry's second instruction.
    code.push(unless_equal(word(3), 8));
    for (n, skip) in [(2, 5), (1, 3), (0, 1)] {
        code.push(statement(libc::BPF_LD | libc::BPF_MEM, n));
        code.push(unless_equal(word(n), skip));
    }
    code.push(give(index));
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    // Every operation code fits in 16 bits; the constants of `libc` are wider than the field.
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn unless_equal(value: u32, skip: u8) -> libc::sock_filter {
    let jump = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value);
    libc::sock_filter { jf: skip, ..jump }
}

fn give(index: u32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Runs a program as the kernel would, on a network header with this source address.
    fn run(program: &Program, source: Client) -> u32 {
        let header = match source.ip() {
            IpAddr::V4(ip) => [&[0; 12], &ip.octets()[..], &[0; 4]].concat(),
            IpAddr::V6(ip) => [&[0; 8], &ip.octets()[..], &[0; 16]].concat(),
        };
        let (mut a, mut x, mut memory, mut at) = (0, 0, [0; 16], 0);
        loop {
            let op = program.0[at];
            at += 1;
            match u32::from(op.code) {
                0x20 => {
                    let offset = op.k.wrapping_sub(libc::SKF_NET_OFF.cast_unsigned()) as usize;
                    a = u32::from_be_bytes(header[offset..offset + 4].try_into().unwrap());
                }
                0x02 => memory[op.k as usize] = a,
                0x60 => a = memory[op.k as usize],
                0x07 => x = a,
                0x87 => a = x,
                0x15 => at += usize::from(if a == op.k { op.jt } else { op.jf }),
                0x06 => return op.k,
                other => panic!("instruction {other:#x} is not one of ours"),
            }
        }
    }

    fn check(ipv4: bool, clients: &[Client], others: &[Client]) {
        let entries = clients.iter().zip(1..).map(|(client, index)| (*client, index));
        let program = Program::new(ipv4, entries);
        assert!(program.0.len() <= MAX_INSTRUCTIONS, "{} instructions", program.0.len());
        for (client, index) in clients.iter().zip(1..) {
            assert_eq!(run(&program, *client), index, "{client}");
        }
        for client in others {
            assert_eq!(run(&program, *client), 0, "{client}");
        }
    }

    fn v4(bits: u32) -> Client {
        IpAddr::V4(Ipv4Addr::from_bits(bits)).into()
    }

    fn v6(bits: u128) -> Client {
        IpAddr::V6(Ipv6Addr::from_bits(bits)).into()
    }

    #[test]
    fn a_program_without_entries_returns_the_own_listener() {
        check(true, &[], &[v4(0), v4(u32::MAX)]);
        check(false, &[], &[v6(0), v6(u128::MAX)]);
    }

    #[test]
    fn one_more_than_allowed_does_not_fit() {
        for (ipv4, most) in [(true, MAX_MEMBERS_V4), (false, MAX_MEMBERS_V6)] {
            let client = if ipv4 { v4(1) } else { v6(1 << 96) };
            let program = Program::new(ipv4, (0..=most).map(|_| (client, 1)));
            assert!(program.0.len() > MAX_INSTRUCTIONS);
        }
    }

    #[test]
    fn as_many_ipv4_clients_as_allowed_fit_and_are_told_apart() {
        let clients: Vec<_> = (0..MAX_MEMBERS_V4 as u32).map(|n| v4(0xc000_0200 + n * 3)).collect();
        let others: Vec<_> = (0..MAX_MEMBERS_V4 as u32).map(|n| v4(0xc000_0201 + n * 3)).collect();
        check(true, &clients, &others);
    }

    #[test]
    fn as_many_ipv6_clients_as_allowed_fit_and_are_told_apart() {
        let clients: Vec<_> =
            (0..MAX_MEMBERS_V6 as u128).map(|n| v6((0x2001_0db8 << 96) | (n * 3))).collect();
        let others: Vec<_> =
            (0..MAX_MEMBERS_V6 as u128).map(|n| v6((0x2001_0db8 << 96) | (n * 3 + 1))).collect();
        check(false, &clients, &others);
    }

    #[test]
    fn ipv6_clients_that_differ_in_any_one_word_are_told_apart() {
        // Every address made of the words 1, 2 and (as the last entries would be) 3.
        let address = |n: u32| {
            (0..4).fold(0, |bits, word| (bits << 32) | u128::from(n / 3_u32.pow(word) % 3 + 1))
        };
        let all: Vec<_> = (0..81).map(|n| v6(address(n))).collect();
        for split in [1, 40, 80] {
            let (clients, others) = all.split_at(split);
            check(false, clients, others);
            check(false, others, clients);
        }
    }
}
