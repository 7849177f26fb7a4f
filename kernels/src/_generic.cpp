// One instruction set: a file of its own, so that both can be compiled at once.
#include "module.cpp"
