// Bursts as Python hands them over. A call for a small burst takes some tens of microseconds, less
// than JAX needs to call anything, and nothing that JAX traces needs bursts: so it is direct.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <vector>

#include "burst.h"
#include "burst_run.h"

namespace chipletsim {

// What Python is to raise has been set.
struct RaisedInPython : std::exception {};

// Memory of Python's arrays, held until it goes.
class HeldArrays {
 public:
  HeldArrays() = default;
  HeldArrays(const HeldArrays&) = delete;
  ~HeldArrays() {
    for (Py_buffer& each : held_) PyBuffer_Release(&each);
  }

  // Where the items of an array begin; null for None.
  template <class Row>
  Row* rows(PyObject* array) {
    if (array == Py_None) return nullptr;
    Py_buffer found;
    const int flags = std::is_const_v<Row> ? PyBUF_C_CONTIGUOUS : PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE;
    if (PyObject_GetBuffer(array, &found, flags) < 0) throw RaisedInPython();
    held_.push_back(found);
    return static_cast<Row*>(found.buf);
  }

 private:
  std::vector<Py_buffer> held_;
};

// Lets other threads of Python run until it goes.
class WithoutPython {
 public:
  WithoutPython() : state_(PyEval_SaveThread()) {}
  WithoutPython(const WithoutPython&) = delete;
  ~WithoutPython() { PyEval_RestoreThread(state_); }

  // Whether Python's handler of a signal, such as that of Ctrl-C, has raised something; asked some
  // ten times a second. To be called by the thread that Python called.
  bool interrupted() {
    const Clock::time_point now = Clock::now();
    if (raised_ || now - asked_ < kPatience) return raised_;
    asked_ = now;
    PyEval_RestoreThread(state_);
    raised_ = PyErr_CheckSignals() < 0;
    state_ = PyEval_SaveThread();
    return raised_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPatience{100};

  PyThreadState* state_;
  Clock::time_point asked_ = Clock::now();
  bool raised_ = false;
};

// Items of a tuple, one after the other.
class Fields {
 public:
  Fields(HeldArrays& arrays, PyObject* tuple) : arrays_(arrays), tuple_(tuple) {
    if (PyTuple_Check(tuple)) return;
    PyErr_SetString(PyExc_TypeError, "rows of bursts stand in tuples");
    throw RaisedInPython();
  }

  int64_t size() const { return PyTuple_GET_SIZE(tuple_); }

  PyObject* item() {
    if (next_ < size()) return PyTuple_GET_ITEM(tuple_, next_++);
    PyErr_SetString(PyExc_TypeError, "a row of bursts lacks a field");
    throw RaisedInPython();
  }

  void read(int64_t& number) {
    number = PyLong_AsLongLong(item());
    if (number == -1 && PyErr_Occurred()) throw RaisedInPython();
  }

  template <class Row>
  void read(Row*& rows) {
    rows = arrays_.rows<Row>(item());
  }

  template <class... Each>
  void read_all(Each&... each) {
    (read(each), ...);
  }

 private:
  HeldArrays& arrays_;
  PyObject* tuple_;
  Py_ssize_t next_ = 0;
};

// Reads what `chipletsim.noc.burst_tables` makes; its tuples have their fields in this order.
inline Bursts read_bursts(HeldArrays& arrays, PyObject* networks, PyObject* bursts,
                          PyObject* results) {
  Bursts all{};
  Fields network(arrays, networks), burst(arrays, bursts), result(arrays, results);
  for (int64_t k = 0; k < network.size(); ++k) {
    Network each{};
    Fields(arrays, network.item())
        .read_all(each.router, each.port, each.node, each.interval, each.kind_bits, each.routers,
                  each.ports, each.nodes, each.kinds, each.channels, each.quantum, each.restricted,
                  each.forks);
    each.first_port = all.ports;
    all.ports += each.ports;
    all.network.push_back(each);
  }
  for (int64_t k = 0; k < burst.size(); ++k) {
    Burst each{};
    Fields fields(arrays, burst.item());
    fields.read_all(each.network, each.packets, each.steps);
    Fields(arrays, fields.item()).read_all(each.stop, each.branch, each.channels, each.flow);
    fields.read_all(each.packet, each.kind, each.after, each.delivery, each.processing,
                    each.expected, each.made, each.injected, each.arrived, each.taken);
    all.burst.push_back(each);
  }
  result.read_all(all.bins, all.bin_ticks, all.undelivered, all.busiest, all.held, all.counts,
                  all.each, all.history);
  return all;
}

// Runs bursts, while other threads of Python go on. Arguments are rows of networks, of bursts and
// of results, and how many threads it may use.
template <auto make>
PyObject* call_bursts(PyObject*, PyObject* arguments) {
  PyObject *networks, *bursts, *results;
  int threads;
  if (!PyArg_ParseTuple(arguments, "OOOi", &networks, &bursts, &results, &threads)) return nullptr;
  try {
    HeldArrays arrays;
    const Bursts all = read_bursts(arrays, networks, bursts, results);
    WithoutPython without;
    run_bursts(all, threads, make, [&] { return without.interrupted(); });
    if (without.interrupted()) return nullptr;
  } catch (const RaisedInPython&) {
    return nullptr;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
  Py_RETURN_NONE;
}

}  // namespace chipletsim
