//! The top-level modules of the standard library, by version: what `sys.stdlib_module_names` says, without the private
//! ones.

use std::collections::HashSet;

use crate::target::PythonVersion;

/// In every version from 3.9 on.
const ALWAYS: &str = "abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 \
    cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib \
    contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings \
    ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt \
    getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib importlib inspect io ipaddress \
    itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder \
    multiprocessing netrc ntpath numbers opcode operator optparse os pathlib pdb pickle pickletools \
    pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data \
    pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve \
    shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat \
    statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios \
    textwrap this threading time timeit tkinter token tokenize trace traceback tracemalloc tty turtle turtledemo types \
    typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser wsgiref xml xmlrpc \
    zipapp zipfile zipimport zlib zoneinfo";
/// Gone in 3.11.
const UNTIL_10: &str = "binhex";
/// Gone in 3.12.
const UNTIL_11: &str = "asynchat asyncore distutils imp smtpd";
/// Gone in 3.13.
const UNTIL_12: &str = "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap nis nntplib ossaudiodev \
    pipes sndhdr spwd sunau telnetlib uu xdrlib";
/// Since 3.11.
const FROM_11: &str = "tomllib";

/// The standard library of `python`.
pub(super) fn of(python: PythonVersion) -> HashSet<&'static str> {
    let minor = python.minor();
    let parts = [
        (true, ALWAYS),
        (minor <= 10, UNTIL_10),
        (minor <= 11, UNTIL_11),
        (minor <= 12, UNTIL_12),
        (minor >= 11, FROM_11),
    ];
    let parts = parts.into_iter().filter(|(is_part, _)| *is_part);
    parts.flat_map(|(_, names)| names.split_ascii_whitespace()).collect()
}
