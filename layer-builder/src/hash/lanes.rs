//! Blocks of two SHA-256 at once, with the instructions that x86-64 processors have for it.
//!
//! The two halves of a state lie in two registers, as `sha256rnds2` wants them: `a b e f` and `c d g h`, the first the
//! highest (Intel's manual, volume 2, SHA256RNDS2). No closures and no arrays of both streams: what becomes of them in a
//! debug build takes a fifth more time.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use super::stream::{Block, State};

/// The first half of the fractions of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
const ROUNDS: [[[u32; 4]; 4]; 4] = [
    [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    ],
    [
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    ],
    [
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    ],
    [
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ],
];

/// Hashes as many blocks of each stream as the shorter has.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) fn compress(states: [&mut State; 2], [blocks, other_blocks]: [&[Block]; 2]) {
    let [state, other_state] = states;
    let (mut one, mut other) = (Halves::of(state), Halves::of(other_state));
    for (block, other_block) in blocks.iter().zip(other_blocks) {
        let (before, other_before) = (one, other);
        let (mut words, mut other_words) = (read(block), read(other_block));
        let [first, second, third, last] = &ROUNDS;
        for at in 0..4 {
            one = one.after(words[at], first[at]);
            other = other.after(other_words[at], first[at]);
        }
        // Not in a loop: with constants and registers known, nothing waits for memory.
        sixteen_rounds(second, (&mut one, &mut words), (&mut other, &mut other_words));
        sixteen_rounds(third, (&mut one, &mut words), (&mut other, &mut other_words));
        sixteen_rounds(last, (&mut one, &mut words), (&mut other, &mut other_words));
        (one, other) = (one.plus(before), other.plus(other_before));
    }
    *state = one.state();
    *other_state = other.state();
}

/// Sixteen rounds of each stream, with the next words.
#[inline]
#[target_feature(enable = "sha,ssse3")]
fn sixteen_rounds(
    constants: &[[u32; 4]; 4],
    (one, words): (&mut Halves, &mut [__m128i; 4]),
    (other, other_words): (&mut Halves, &mut [__m128i; 4]),
) {
    for at in 0..4 {
        words[at] = schedule(words, at);
        *one = one.after(words[at], constants[at]);
        other_words[at] = schedule(other_words, at);
        *other = other.after(other_words[at], constants[at]);
    }
}

/// The words of four rounds, from those of the sixteen before them, whose oldest stand `at` there.
#[inline]
#[target_feature(enable = "sha,ssse3")]
fn schedule(words: &[__m128i; 4], at: usize) -> __m128i {
    let (first, second, third, last) =
        (words[at], words[(at + 1) % 4], words[(at + 2) % 4], words[(at + 3) % 4]);
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(first, second), _mm_alignr_epi8::<4>(last, third));
    _mm_sha256msg2_epu32(sum, last)
}

/// The sixteen words of a block, which are written with the highest byte first.
#[inline]
#[target_feature(enable = "ssse3")]
fn read(block: &Block) -> [__m128i; 4] {
    let reversed = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (halves, _) = block.as_chunks();
    let mut words = [reversed; 4];
    for at in 0..4 {
        let (low, high) = (i64::from_le_bytes(halves[2 * at]), i64::from_le_bytes(halves[2 * at + 1]));
        words[at] = _mm_shuffle_epi8(_mm_set_epi64x(high, low), reversed);
    }
    words
}

/// The eight words of a state.
#[derive(Clone, Copy)]
struct Halves {
    abef: __m128i,
    cdgh: __m128i,
}

#[expect(clippy::many_single_char_names, reason = "the standard calls the words so")]
impl Halves {
    #[inline]
    #[target_feature(enable = "sse4.1")]
    fn of(state: &State) -> Self {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        Self { abef: _mm_set_epi32(a, b, e, f), cdgh: _mm_set_epi32(c, d, g, h) }
    }

    /// After four rounds.
    #[inline]
    #[target_feature(enable = "sha")]
    fn after(self, words: __m128i, constants: [u32; 4]) -> Self {
        let [first, second, third, last] = constants.map(u32::cast_signed);
        let sum = _mm_add_epi32(words, _mm_set_epi32(last, third, second, first));
        let cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, sum);
        let abef = _mm_sha256rnds2_epu32(self.abef, cdgh, _mm_shuffle_epi32::<0x0e>(sum));
        Self { abef, cdgh }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn plus(self, other: Self) -> Self {
        Self { abef: _mm_add_epi32(self.abef, other.abef), cdgh: _mm_add_epi32(self.cdgh, other.cdgh) }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    fn state(self) -> State {
        let [a, b, e, f] = words_of(self.abef);
        let [c, d, g, h] = words_of(self.cdgh);
        [a, b, c, d, e, f, g, h]
    }
}

/// The highest first.
#[inline]
#[target_feature(enable = "sse4.1")]
fn words_of(register: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32::<3>(register),
        _mm_extract_epi32::<2>(register),
        _mm_extract_epi32::<1>(register),
        _mm_extract_epi32::<0>(register),
    ]
    .map(i32::cast_unsigned)
}
