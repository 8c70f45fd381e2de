import importlib, os, sys
out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
os.dup2(2, 1)
sys.path[:0] = sys.argv[1:3]
for name in sys.argv[3:]:
    out.write(">" + name + "\n")
    try:
        importlib.import_module(name)
    except BaseException as error:
        text = "%s: %s" % (type(error).__name__, error)
        out.write("!" + " ".join(text.split()) + "\n")
    else:
        out.write("=" + name + "\n")
os._exit(0)
