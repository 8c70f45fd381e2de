import os, py_compile, sys
opt, out = sys.argv[1:3]
tag = sys.implementation.cache_tag
for path in sys.stdin.buffer.read().decode("utf-8").split("\n"):
    if not path:
        continue
    folder, name = os.path.split(path)
    compiled = os.path.join(out, folder, "__pycache__", name[:-3] + "." + tag + ".pyc")
    os.makedirs(os.path.dirname(compiled), exist_ok=True)
    try:
        py_compile.compile(
            os.path.join(opt, path), cfile=compiled, dfile="/opt/" + path, doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (py_compile.PyCompileError, ValueError, RecursionError):
        pass
