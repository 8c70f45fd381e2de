//! ELF files to order: just enough for a loader's first look.

/// A shared library of one segment, with a dynamic section.
#[derive(Clone, Copy, Debug)]
pub struct TestElf<'a> {
    /// `e_machine`: 62 is x86-64, 183 is aarch64.
    pub machine: u16,
    /// `DT_NEEDED`.
    pub needed: &'a [&'a str],
    /// `DT_SONAME`.
    pub soname: Option<&'a str>,
    /// Version needs of libc; `weak ` before a name makes it a weak one.
    pub glibc: &'a [&'a str],
    /// How far the segment's address is from where its alignment wants it.
    pub shift: u64,
}

impl Default for TestElf<'_> {
    fn default() -> Self {
        Self { machine: 62, needed: &[], soname: None, glibc: &[], shift: 0 }
    }
}

const PAGE: u64 = 0x1000;
const HEADERS: u64 = 64 + 2 * 56;

impl TestElf<'_> {
    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        // Addresses are one page above offsets.
        let base = PAGE + self.shift;
        let mut strings = vec![0];
        let mut text = |text: &str| {
            let at = strings.len() as u64;
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            at
        };
        let mut tags: Vec<(u64, u64)> = self.needed.iter().map(|name| (1, text(name))).collect();
        tags.extend(self.soname.map(|name| (14, text(name))));
        let mut needs = Vec::new();
        if !self.glibc.is_empty() {
            let count = u16::try_from(self.glibc.len()).expect("tests need few versions");
            needs.extend(1_u16.to_le_bytes());
            needs.extend(count.to_le_bytes());
            for value in [text("libc.so.6"), 16, 0] {
                needs.extend(short(value));
            }
            for (index, version) in self.glibc.iter().enumerate() {
                let name = version.strip_prefix("weak ");
                needs.extend([0; 4]);
                needs.extend((if name.is_some() { 2_u16 } else { 0 }).to_le_bytes());
                needs.extend(2_u16.to_le_bytes());
                needs.extend(short(text(name.unwrap_or(version))));
                needs.extend(short(if index + 1 == self.glibc.len() { 0 } else { 16 }));
            }
        }
        let needs_at = HEADERS;
        let strings_at = needs_at + needs.len() as u64;
        let dynamic_at = strings_at + strings.len() as u64;
        tags.push((5, base + strings_at));
        if !needs.is_empty() {
            tags.extend([(0x6fff_fffe, base + needs_at), (0x6fff_ffff, 1)]);
        }
        tags.push((0, 0));
        let dynamic: Vec<u8> =
            tags.iter().flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat()).collect();
        let size = dynamic_at + dynamic.len() as u64;

        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        for value in [3_u16, self.machine] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(1_u32.to_le_bytes());
        for value in [0_u64, 64, 0] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        for value in [64_u16, 56, 2, 0, 0, 0] {
            bytes.extend(value.to_le_bytes());
        }
        let mut segment = |kind: u32, offset: u64, size: u64, alignment: u64| {
            bytes.extend(kind.to_le_bytes());
            bytes.extend(4_u32.to_le_bytes());
            for value in [offset, base + offset, base + offset, size, size, alignment] {
                bytes.extend(value.to_le_bytes());
            }
        };
        segment(1, 0, size, PAGE);
        segment(2, dynamic_at, dynamic.len() as u64, 8);
        for part in [needs, strings, dynamic] {
            bytes.extend(part);
        }
        bytes
    }
}

fn short(value: u64) -> [u8; 4] {
    u32::try_from(value).expect("tests make small files").to_le_bytes()
}
