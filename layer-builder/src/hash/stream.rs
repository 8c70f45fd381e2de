//! SHA-256 of streams: of one, or of two that are fed at once.
//!
//! The single stream is sha2's. Two at once are ours, because no library has that: within a block the processor waits
//! for itself, and the other stream fills the gaps.

use std::slice;

use multiversion::multiversion;
use sha2::block_api::compress256;

use super::Sha256;
#[cfg(target_arch = "x86_64")]
use super::lanes;

/// What one step of the hash takes.
pub(super) type Block = [u8; BLOCK];
/// What the hash is between two blocks.
pub(super) type State = [u32; 8];

const BLOCK: usize = 64;
/// Where the length stands in the last block.
const LENGTH_AT: usize = BLOCK - size_of::<u64>();

/// The first half of the fractions of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Of a stream that comes in parts.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    state: State,
    /// The start of a block.
    begun: Block,
    /// What has come, in bytes.
    length: u64,
}

impl Hasher {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self { state: START, begun: [0; BLOCK], length: 0 }
    }

    /// The next part.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let blocks = self.complete(bytes);
        compress256(&mut self.state, blocks);
    }

    /// The hash of all that has come.
    pub(crate) fn finish(mut self) -> Sha256 {
        let bits = self.length.wrapping_mul(8);
        let at = self.begun_at();
        self.begun[at] = 0x80;
        self.begun[at + 1..].fill(0);
        if at >= LENGTH_AT {
            compress256(&mut self.state, &[self.begun]);
            self.begun.fill(0);
        }
        self.begun[LENGTH_AT..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &[self.begun]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        Sha256(hash)
    }

    /// How much of the block that was begun is there, in bytes.
    fn begun_at(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }

    /// Takes what completes the block that was begun, and what begins another one. Gives the blocks between them, which
    /// are still to be hashed.
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> &'a [Block] {
        let at = self.begun_at();
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        if at > 0 {
            let (missing, more) = bytes.split_at(bytes.len().min(BLOCK - at));
            self.begun[at..][..missing.len()].copy_from_slice(missing);
            if at + missing.len() < BLOCK {
                return &[];
            }
            compress256(&mut self.state, &[self.begun]);
            rest = more;
        }
        let (blocks, begun) = rest.as_chunks();
        self.begun[..begun.len()].copy_from_slice(begun);
        blocks
    }
}

/// The next part of each of two streams. Where the processor knows SHA-256 that takes little more than half the time.
pub(crate) fn update_both((one, bytes): (&mut Hasher, &[u8]), (other, others): (&mut Hasher, &[u8])) {
    let (blocks, other_blocks) = (one.complete(bytes), other.complete(others));
    let common = blocks.len().min(other_blocks.len());
    let (blocks, rest) = blocks.split_at(common);
    let (other_blocks, other_rest) = other_blocks.split_at(common);
    compress_both(&mut one.state, blocks, &mut other.state, other_blocks);
    compress256(&mut one.state, rest);
    compress256(&mut other.state, other_rest);
}

#[multiversion(targets("x86_64+sha+sse4.1+ssse3"))]
fn compress_both(one: &mut State, blocks: &[Block], other: &mut State, other_blocks: &[Block]) {
    multiversion::target::match_target! {
        "x86_64+sha+sse4.1+ssse3" => lanes::compress([one, other], [blocks, other_blocks]),
        _ => compress_in_turns(one, blocks, other, other_blocks),
    }
}

/// Block by block: other processors that know SHA-256 see two steps that have nothing to do with each other.
fn compress_in_turns(one: &mut State, blocks: &[Block], other: &mut State, other_blocks: &[Block]) {
    for (block, other_block) in blocks.iter().zip(other_blocks) {
        compress256(one, slice::from_ref(block));
        compress256(other, slice::from_ref(other_block));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hasher: Hasher, bytes: &[u8]) {
        assert_eq!(hasher.finish(), Sha256::of(bytes), "of {} bytes", bytes.len());
    }

    fn some(length: usize, step: usize) -> Vec<u8> {
        (0..length).map(|at| (at * step / 3) as u8).collect()
    }

    #[test]
    fn every_length_to_some_blocks() {
        for length in 0..5 * BLOCK {
            let bytes = some(length, 7);
            let mut hasher = Hasher::new();
            hasher.update(&bytes);
            check(hasher, &bytes);
        }
    }

    #[test]
    fn two_at_once_where_the_processor_does_not_know_how() {
        let (bytes, others) = (some(9 * BLOCK, 5), some(9 * BLOCK, 11));
        let (blocks, other_blocks) = (bytes.as_chunks().0, others.as_chunks().0);
        let mut states = [START; 4];
        let [one, other, expected, other_expected] = &mut states;
        compress_in_turns(one, blocks, other, other_blocks);
        compress256(expected, blocks);
        compress256(other_expected, other_blocks);
        assert_eq!((one, other), (expected, other_expected));
    }

    proptest! {
        #[test]
        fn two_at_once_are_the_same_as_one_after_the_other(
            parts in proptest::collection::vec((0..300_usize, 0..300_usize), 0..20),
        ) {
            let mut hashers = (Hasher::new(), Hasher::new());
            let mut all = (Vec::new(), Vec::new());
            for (length, other_length) in parts {
                let (bytes, others) = (some(length, 7), some(other_length, 13));
                update_both((&mut hashers.0, &bytes), (&mut hashers.1, &others));
                all.0.extend(bytes);
                all.1.extend(others);
            }
            check(hashers.0, &all.0);
            check(hashers.1, &all.1);
        }
    }
}
