package abi

// attrName is the longest name of an extended attribute with its NUL.
const attrName = 256

// attrRows are the calls on extended attributes and on keys.
var attrRows = []Row{
	{Nr: 188, Name: "setxattr", Args: args(path("path"), str("name", attrName), inBuf("value", 3, 1), val("size"), val("flags")), Placement: Home},
	{Nr: 189, Name: "lsetxattr", Args: args(path("path"), str("name", attrName), inBuf("value", 3, 1), val("size"), val("flags")), Placement: Home},
	{Nr: 190, Name: "fsetxattr", Args: args(val("fd"), str("name", attrName), inBuf("value", 3, 1), val("size"), val("flags")), Placement: Home},
	{Nr: 191, Name: "getxattr", Args: args(path("path"), str("name", attrName), outBuf("value", 3, 1), val("size")), Placement: Home},
	{Nr: 192, Name: "lgetxattr", Args: args(path("path"), str("name", attrName), outBuf("value", 3, 1), val("size")), Placement: Home},
	{Nr: 193, Name: "fgetxattr", Args: args(val("fd"), str("name", attrName), outBuf("value", 3, 1), val("size")), Placement: Home},
	{Nr: 194, Name: "listxattr", Args: args(path("path"), outBuf("list", 2, 1), val("size")), Placement: Home},
	{Nr: 195, Name: "llistxattr", Args: args(path("path"), outBuf("list", 2, 1), val("size")), Placement: Home},
	{Nr: 196, Name: "flistxattr", Args: args(val("fd"), outBuf("list", 2, 1), val("size")), Placement: Home},
	{Nr: 197, Name: "removexattr", Args: args(path("path"), str("name", attrName)), Placement: Home},
	{Nr: 198, Name: "lremovexattr", Args: args(path("path"), str("name", attrName)), Placement: Home},
	{Nr: 199, Name: "fremovexattr", Args: args(val("fd"), str("name", attrName)), Placement: Home},
	{Nr: 248, Name: "add_key", Args: args(str("type", 32), str("description", 4096), inBuf("payload", 3, 1), val("plen"), val("keyring")), Placement: Home},
	{Nr: 249, Name: "request_key", Args: args(str("type", 32), str("description", 4096), str("callout", 4096), val("keyring")), Placement: Home, Interrupt: Restarts | RawEINTR, MayBlock: true},
	{Nr: 250, Name: "keyctl", Placement: ComeHome, Note: "shapes of its operations are not listed"},
	{Nr: 463, Name: "setxattrat", Args: args(val("dirfd"), path("path"), val("at_flags"), str("name", attrName), special("args", "{value,size,flags}", In, 5, xattrArgs(In)), val("size")), Placement: Home},
	{Nr: 464, Name: "getxattrat", Args: args(val("dirfd"), path("path"), val("at_flags"), str("name", attrName), special("args", "{value,size,flags}", Out, 5, xattrArgs(Out)), val("size")), Placement: Home},
	{Nr: 465, Name: "listxattrat", Args: args(val("dirfd"), path("path"), val("at_flags"), outBuf("list", 4, 1), val("size")), Placement: Home},
	{Nr: 466, Name: "removexattrat", Args: args(val("dirfd"), path("path"), val("at_flags"), str("name", attrName)), Placement: Home},
}
