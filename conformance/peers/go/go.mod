// The go command wants a go.mod here to find the module's root; it reads
// go.1.102.5.mod or go.1.104.5.mod instead (-modfile).  See ../build.sh.
module derpkit/peers

go 1.26.6
