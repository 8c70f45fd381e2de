//! ELF files as the runtime's loader sees them: the machine, the libraries they need, the glibc they need.
//!
//! A small strict reader: what cannot be followed is a fault, never a panic. Only the headers and the dynamic section
//! are looked at. Layout: <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>, symbol versions:
//! <https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html>.

use serde::{Deserialize, Serialize};

/// What the loader has to know of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// The instruction set, as Lambda names it where it knows it: `x86_64`, `arm64`, `i386`.
    pub machine: String,
    /// The libraries that have to be there (`DT_NEEDED`).
    pub needed: Vec<String>,
    /// The name under which others need it (`DT_SONAME`).
    pub soname: Option<String>,
    /// The newest glibc among its version needs: `(2, 28)` for `GLIBC_2.28`.
    pub glibc: Option<(u32, u32)>,
}

/// What a file is that may hold compiled code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Native {
    /// Code for Linux.
    Elf(Elf),
    /// It begins like one, but no loader would take it.
    Damaged(String),
    /// Something else under such a name.
    Other,
}

/// How names of text end. What was packed where files have no modes is executable to the last file, and to look into
/// all of that would take its time; names of programs have dots for their version or machine.
const TEXTS: &[&str] = &[
    "awk", "bash", "bat", "c", "cfg", "cmd", "cpp", "csh", "css", "csv", "fish", "h", "hpp", "html", "ini",
    "js", "json", "lua", "md", "pl", "pm", "ps1", "pth", "pxd", "py", "pyi", "pyx", "rb", "rst", "sh", "svg",
    "tcl", "toml", "ts", "txt", "xml", "yaml", "yml", "zsh",
];

/// Whether a file may hold compiled code, by its name and mode.
pub fn may_be_native(path: &str, executable: bool) -> bool {
    let name = || path.rsplit('/').next().unwrap_or_default();
    let is_text = || name().rsplit_once('.').is_some_and(|(_, ending)| TEXTS.contains(&ending));
    path.ends_with(".so") || path.contains(".so.") && name().contains(".so.") || executable && !is_text()
}

impl Native {
    /// Looks at the content of a file.
    pub fn read(bytes: &[u8]) -> Self {
        if !bytes.starts_with(b"\x7fELF") {
            return Self::Other;
        }
        match read(bytes) {
            Ok(elf) => Self::Elf(elf),
            Err(why) => Self::Damaged(why.to_owned()),
        }
    }
}

const TRUNCATED: &str = "it ends too early";
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
/// The loader lets such a need pass if it cannot be met.
const VER_FLG_WEAK: u16 = 2;
/// No real file has as many; a chain that leads in circles would.
const MOST_STEPS: usize = 1 << 16;

fn read(bytes: &[u8]) -> Result<Elf, &'static str> {
    let file = Bytes(bytes);
    let [class, order] = file.get::<2>(4)?;
    if order != 1 {
        return Ok(Elf { machine: "a big-endian machine".to_owned(), ..Elf::default() });
    }
    let machine = machine(file.u16(18)?, class);
    if class != 2 {
        // For 32 bits. No runtime takes it, whatever it needs.
        return Ok(Elf { machine, ..Elf::default() });
    }
    let (table, size, count) = (file.u64(32)?, file.u16(54)?, file.u16(56)?);
    if count > 0 && size < 56 {
        return Err("its program headers are too small");
    }
    let mut loads = Vec::new();
    let mut dynamic = None;
    for index in 0..u64::from(count) {
        let at = table.checked_add(index * u64::from(size)).ok_or(TRUNCATED)?;
        let segment = Segment {
            kind: file.u32(at)?,
            offset: file.u64(at + 8)?,
            address: file.u64(at + 16)?,
            size: file.u64(at + 32)?,
            alignment: file.u64(at + 48)?,
        };
        match segment.kind {
            PT_LOAD => {
                segment.check(bytes.len() as u64)?;
                loads.push(segment);
            }
            PT_DYNAMIC => dynamic = Some(segment),
            _ => {}
        }
    }
    let mut elf = Elf { machine, ..Elf::default() };
    let Some(dynamic) = dynamic.filter(|dynamic| dynamic.size > 0) else { return Ok(elf) };

    let mut tags = Vec::new();
    for index in 0..dynamic.size / 16 {
        let at = dynamic.offset.checked_add(index * 16).ok_or(TRUNCATED)?;
        match file.u64(at)? {
            0 => break,
            tag => tags.push((tag, file.u64(at + 8)?)),
        }
    }
    let value = |wanted: u64| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let offset_of = |address: u64| {
        let holds = |load: &&Segment| address >= load.address && address - load.address < load.size;
        let load = loads.iter().find(holds).ok_or("its dynamic section points outside of what is loaded")?;
        Ok::<u64, &'static str>(address - load.address + load.offset)
    };
    let Some(strings) = value(DT_STRTAB) else { return Ok(elf) };
    let strings = offset_of(strings)?;
    let text = |offset: u64| file.text(strings.checked_add(offset).ok_or(TRUNCATED)?);
    for (tag, offset) in &tags {
        match *tag {
            DT_NEEDED => elf.needed.push(text(*offset)?),
            DT_SONAME => elf.soname = Some(text(*offset)?),
            _ => {}
        }
    }
    if let (Some(needs), Some(count)) = (value(DT_VERNEED), value(DT_VERNEEDNUM)) {
        let mut steps = 0;
        let mut at = offset_of(needs)?;
        for _ in 0..count {
            let (auxiliaries, first, next) = (file.u16(at + 2)?, file.u32(at + 8)?, file.u32(at + 12)?);
            let mut auxiliary = at + u64::from(first);
            for _ in 0..auxiliaries {
                steps += 1;
                if steps > MOST_STEPS {
                    return Err("its version needs have no end");
                }
                let (flags, name) = (file.u16(auxiliary + 4)?, file.u32(auxiliary + 8)?);
                if flags & VER_FLG_WEAK == 0 {
                    elf.glibc = elf.glibc.max(glibc(&text(u64::from(name))?));
                }
                match file.u32(auxiliary + 12)? {
                    0 => break,
                    next => auxiliary += u64::from(next),
                }
            }
            steps += 1;
            match next {
                0 => break,
                _ if steps > MOST_STEPS => return Err("its version needs have no end"),
                next => at += u64::from(next),
            }
        }
    }
    Ok(elf)
}

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
    alignment: u64,
}

impl Segment {
    /// What the loader checks before it maps a segment; tools that strip what patchelf has touched break this.
    fn check(&self, file: u64) -> Result<(), &'static str> {
        if self.offset.checked_add(self.size).is_none_or(|end| end > file) {
            return Err("a segment ends behind the end of the file");
        }
        let alignment = self.alignment.max(1);
        if self.address % alignment != self.offset % alignment {
            return Err("ELF load command address/offset not properly aligned");
        }
        Ok(())
    }
}

/// `GLIBC_2.28` is `(2, 28)`.
fn glibc(version: &str) -> Option<(u32, u32)> {
    let version = version.strip_prefix("GLIBC_")?;
    if version == "ABI_DT_RELR" {
        // Compressed relocations came with glibc 2.36.
        return Some((2, 36));
    }
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next()?, numbers.next()?) {
        (Ok(major), Ok(minor)) => Some((major, minor)),
        _ => None,
    }
}

fn machine(number: u16, class: u8) -> String {
    let name = match (number, class) {
        (62, 2) => "x86_64",
        (62, _) => "x32",
        (183, 2) => "arm64",
        (3, _) => "i386",
        (40, _) => "32-bit arm",
        (21, _) => "ppc64",
        (22, _) => "s390x",
        (243, _) => "riscv",
        _ => return format!("machine number {number}"),
    };
    name.to_owned()
}

/// Little-endian numbers at offsets that nobody vouches for.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn get<const N: usize>(&self, at: u64) -> Result<[u8; N], &'static str> {
        let start = usize::try_from(at).map_err(|_| TRUNCATED)?;
        let end = start.checked_add(N).ok_or(TRUNCATED)?;
        self.0.get(start..end).and_then(|bytes| bytes.try_into().ok()).ok_or(TRUNCATED)
    }

    fn u16(&self, at: u64) -> Result<u16, &'static str> {
        self.get(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: u64) -> Result<u32, &'static str> {
        self.get(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: u64) -> Result<u64, &'static str> {
        self.get(at).map(u64::from_le_bytes)
    }

    /// The text that ends with a zero.
    fn text(&self, at: u64) -> Result<String, &'static str> {
        let start = usize::try_from(at).map_err(|_| TRUNCATED)?;
        let rest = self.0.get(start..).ok_or(TRUNCATED)?;
        let end = rest.iter().take(4096).position(|byte| *byte == 0).ok_or("a name in it has no end")?;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use ::tests::elf::TestElf;

    use super::*;

    fn whole() -> TestElf<'static> {
        TestElf {
            needed: &["libc.so.6", "libz.so.1"],
            glibc: &["GLIBC_2.2.5", "GLIBC_2.28"],
            ..TestElf::default()
        }
    }

    #[test]
    fn text_is_told_from_what_may_be_compiled_by_the_end_of_its_name() {
        for path in
            ["bin/jq-1.7", "a/ffmpeg-linux-x86_64-v7.0.2", "a.data/scripts/tool.bin", "a.py/tool", "tool"]
        {
            assert!(may_be_native(path, true) && !may_be_native(path, false), "{path}");
        }
        for path in ["a/core.so", "lib/liba.so.1.2"] {
            assert!(may_be_native(path, false), "{path}");
        }
        for path in ["a/tool.py", "bin/run.sh", "a.so.d/notes.txt", "a/tool-1.2.json"] {
            assert!(!may_be_native(path, true), "{path}");
        }
    }

    #[test]
    fn machine_libraries_and_glibc_are_read() {
        let expected = Elf {
            machine: "x86_64".to_owned(),
            needed: vec!["libc.so.6".to_owned(), "libz.so.1".to_owned()],
            soname: None,
            glibc: Some((2, 28)),
        };
        assert_eq!(Native::read(&whole().bytes()), Native::Elf(expected));
        let arm = TestElf { machine: 183, soname: Some("liba.so.1"), ..TestElf::default() };
        let Native::Elf(elf) = Native::read(&arm.bytes()) else { panic!("it is one") };
        assert_eq!((elf.machine.as_str(), elf.soname.as_deref()), ("arm64", Some("liba.so.1")));
        assert_eq!(Native::read(b"INPUT(libc.so.6)"), Native::Other);
    }

    #[test]
    fn versions_compare_as_numbers_and_weak_ones_do_not_count() {
        let glibc = |glibc: &'static [&'static str]| match Native::read(
            &TestElf { glibc, ..TestElf::default() }.bytes(),
        ) {
            Native::Elf(elf) => elf.glibc,
            other => panic!("{other:?}"),
        };
        assert_eq!(glibc(&["GLIBC_2.9", "GLIBC_2.17"]), Some((2, 17)));
        assert_eq!(glibc(&["GLIBC_2.9", "weak GLIBC_2.35"]), Some((2, 9)));
        assert_eq!(glibc(&["GLIBC_ABI_DT_RELR", "GLIBC_2.2.5"]), Some((2, 36)));
        assert_eq!(glibc(&["GLIBC_PRIVATE", "OPENSSL_3.0.0"]), None);
    }

    #[test]
    fn a_file_that_no_loader_takes_is_damaged() {
        let bytes = whole().bytes();
        let damaged = |bytes: &[u8]| match Native::read(bytes) {
            Native::Damaged(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(damaged(&bytes[..bytes.len() - 1]), "a segment ends behind the end of the file");
        assert_eq!(damaged(&bytes[..40]), "it ends too early");
        let misaligned = TestElf { shift: 8, ..whole() }.bytes();
        assert_eq!(damaged(&misaligned), "ELF load command address/offset not properly aligned");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = whole().bytes();
        proptest::proptest!(|(at in 0..whole.len(), with in proptest::collection::vec(0_u8.., 1..9), keep in 4..whole.len())| {
            let mut bytes = whole.clone();
            let end = (at + with.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&with[..end - at]);
            bytes.truncate(keep.max(end));
            let _ = Native::read(&bytes);
        });
    }
}
