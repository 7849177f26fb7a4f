// The Python module: functions that JAX calls by its foreign-function interface, and those that run
// bursts.
//
// The same sources are compiled for several instruction sets, each to a module of its own;
// chipletsim/kernels/__init__.py takes the widest that the processor knows.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <new>
#include <string>
#include <vector>

#include "burst_call.h"
#include "flits.h"
#include "gradients.h"
#include "messages.h"
#include "packets.h"
#include "raster.h"
#include "rows.h"
#include "stage.h"
#include "traffic.h"
#include "wide.h"
#include "xla/ffi/api/ffi.h"

#define QUOTED(name) #name
#define TEXT(name) QUOTED(name)

namespace ffi = xla::ffi;

namespace chipletsim {
namespace {

// Turns exceptions into errors that JAX raises.
template <class Work>
ffi::Error guarded(const Work& work) {
  try {
    work();
    return ffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "no memory for the kernel's lists");
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

// Arguments, then results, by number.
std::vector<void*> numbered(ffi::RemainingArgs args, ffi::RemainingRets rets) {
  std::vector<void*> buffers;
  for (size_t k = 0; k < args.size(); ++k) {
    buffers.push_back(args.get<ffi::AnyBuffer>(k).value().untyped_data());
  }
  for (size_t k = 0; k < rets.size(); ++k) {
    buffers.push_back(rets.get<ffi::AnyBuffer>(k).value()->untyped_data());
  }
  return buffers;
}

ffi::Error stage(ffi::RemainingArgs args, ffi::RemainingRets rets, ffi::Span<const int64_t> plan,
                 int64_t threads) {
  return guarded([&] {
    const std::vector<void*> buffers = numbered(args, rets);
    Reader read(plan.begin(), static_cast<int64_t>(plan.size()), buffers);
    Stage(read_plan(read)).run(static_cast<int>(threads));
  });
}

ffi::Error gradients(ffi::RemainingArgs args, ffi::RemainingRets rets,
                     ffi::Span<const int64_t> plan, int64_t threads) {
  return guarded([&] {
    const std::vector<void*> buffers = numbered(args, rets);
    Reader read(plan.begin(), static_cast<int64_t>(plan.size()), buffers);
    Backward(read_gradients(read), static_cast<int>(threads)).run();
  });
}

ffi::Error wide(ffi::RemainingArgs args, ffi::RemainingRets rets, ffi::Span<const int64_t> plan,
                int64_t threads) {
  return guarded([&] {
    const std::vector<void*> buffers = numbered(args, rets);
    Reader read(plan.begin(), static_cast<int64_t>(plan.size()), buffers);
    run_wide(read_wide(read), static_cast<int>(threads));
  });
}

ffi::Error to_channels_first(ffi::Buffer<ffi::U8> raster, ffi::ResultBuffer<ffi::U8> result,
                             int64_t size, int64_t channels, int64_t threads) {
  return guarded([&] {
    const int64_t rows = size ? raster.element_count() / (words_of(size) * 8) : 0;
    channels_first(reinterpret_cast<const uint64_t*>(raster.typed_data()), rows, size, channels,
                   static_cast<int>(threads), reinterpret_cast<uint64_t*>(result->typed_data()));
  });
}

ffi::Error totals(ffi::Buffer<ffi::U8> raster, ffi::ResultBuffer<ffi::S64> total) {
  return guarded([&] {
    const auto shape = raster.dimensions();
    count_events(raster.typed_data(), shape[0], shape[1], total->element_count(),
                 total->typed_data());
  });
}

// The share of `bits` that is set in rows of bits.
ffi::Error active_share(ffi::Buffer<ffi::U8> rows, ffi::ResultBuffer<ffi::F32> share,
                        int64_t bits) {
  return guarded([&] {
    const int64_t active = count_bits(rows.typed_data(), rows.element_count());
    share->typed_data()[0] = static_cast<float>(static_cast<double>(active) / bits);
  });
}

using I32 = ffi::Buffer<ffi::S32>;
using I64 = ffi::Buffer<ffi::S64>;
using F64 = ffi::Buffer<ffi::F64>;

ffi::Error traffic(I64 start, I64 carry_direct, I64 carry_spikes, F64 carry_longest,
                   I32 neuron_class, I32 group, I32 own_start, I32 own_quantity,
                   ffi::AnyBuffer own_weight, ffi::Buffer<ffi::U16> own_rows, I32 row_quantity,
                   I32 shared_start, I32 shared_quantity, ffi::AnyBuffer shared_weight,
                   F64 group_routes, ffi::RemainingArgs rasters, ffi::Result<I64> direct,
                   ffi::Result<I64> spikes, ffi::Result<F64> longest,
                   ffi::Result<I64> class_events, ffi::Span<const int64_t> sizes,
                   ffi::Span<const int64_t> stages, int64_t interval, int64_t shift,
                   int64_t row_begin, int64_t row_count, bool few, int64_t threads) {
  return guarded([&] {
    RowCounts plan{};
    plan.classes = group.dimensions()[0];
    plan.packages = group_routes.dimensions()[0];
    plan.groups = group_routes.dimensions()[1];
    plan.spike_classes = plan.classes - static_cast<int64_t>(rasters.size());
    plan.quantities = direct->dimensions()[0];
    plan.rows = direct->dimensions()[1];
    plan.interval = interval;
    plan.shift = shift;
    plan.row_begin = row_begin;
    plan.row_count = row_count;
    plan.few = few;
    plan.start = start.typed_data()[0];
    plan.carried = carry_direct.dimensions()[1];
    plan.carry_direct = carry_direct.typed_data();
    plan.carry_spikes = carry_spikes.typed_data();
    plan.carry_longest = carry_longest.typed_data();
    plan.neuron_class = neuron_class.typed_data();
    plan.group = group.typed_data();
    plan.group_routes = group_routes.typed_data();
    plan.direct = direct->typed_data();
    plan.spikes = spikes->typed_data();
    plan.longest = longest->typed_data();
    plan.class_events = class_events->typed_data();
    int64_t first = 0;
    for (size_t k = 0; k < rasters.size(); ++k) {
      const auto raster = rasters.get<ffi::Buffer<ffi::U8>>(k).value();
      plan.samples = raster.dimensions()[0];
      plan.steps = raster.dimensions()[1];
      plan.rasters.push_back({raster.typed_data(), sizes[k], stages[k], first});
      first += sizes[k];
    }
    auto count = [&](auto weight) {
      using Weight = decltype(weight);
      const Own<Weight> own{{own_start.typed_data(), own_quantity.typed_data(),
                             static_cast<Weight*>(own_weight.untyped_data())},
                            row_quantity.dimensions()[0],
                            own_rows.typed_data(),
                            row_quantity.typed_data()};
      const Entries<Weight> shared{shared_start.typed_data(), shared_quantity.typed_data(),
                                   static_cast<Weight*>(shared_weight.untyped_data())};
      count_rows(plan, own, shared, static_cast<int>(threads));
    };
    if (own_weight.element_type() != shared_weight.element_type()) {
      throw std::invalid_argument("weights of entries have two types");
    }
    if (own_weight.element_type() == ffi::S64) {
      count(int64_t{});
    } else {
      count(int32_t{});
    }
  });
}

ffi::Error rows(I64 direct, I32 start, I32 column, I64 weight, I64 reads, I64 positions,
                I64 payload_bits, I64 frame_bits, ffi::Buffer<ffi::PRED> between,
                ffi::Result<I64> tile_amounts, ffi::Result<I64> wire_bits, ffi::Result<I64> total,
                ffi::Result<I64> steps, ffi::Result<I64> busiest, ffi::Span<const int64_t> sizes,
                ffi::Span<const int64_t> names, int64_t threads) {
  return guarded([&] {
    RowNumbers all{};
    all.rows = direct.dimensions()[1];
    all.links = between.element_count();
    all.blocks = reads.element_count();
    all.tiles = sizes[0];
    all.routers = sizes[1];
    all.cells = sizes[2];
    all.on_tiles = sizes[3];
    all.of_crossbars = tile_amounts->dimensions()[0] - all.on_tiles;
    all.direct = direct.typed_data();
    all.start = start.typed_data();
    all.column = column.typed_data();
    all.weight = weight.typed_data();
    all.reads = reads.typed_data();
    all.positions = positions.typed_data();
    all.payload_bits = payload_bits.typed_data();
    all.frame_bits = frame_bits.typed_data();
    all.between = between.typed_data();
    all.operations = names[0];
    all.input = names[1];
    all.own = names[2];
    all.memory = names[3];
    all.updates = names[4];
    all.tile_amounts = tile_amounts->typed_data();
    all.wire_bits = wire_bits->typed_data();
    all.total = total->typed_data();
    all.steps = steps->typed_data();
    all.busiest = busiest->typed_data();
    number_rows(all, static_cast<int>(threads));
  });
}

ffi::Error messages(I64 start, I64 target, F64 generation, F64 processing, I64 place, F64 hop,
                    ffi::Result<F64> latency, ffi::Result<I32> resource,
                    ffi::Span<const int64_t> sizes, int64_t threads) {
  return guarded([&] {
    MessageSteps all{};
    all.rows = latency->element_count();
    all.cores = place.dimensions()[0];
    all.width = sizes[0];
    all.height = sizes[1];
    all.buffer = sizes[2];
    all.start = start.typed_data();
    all.target = target.typed_data();
    all.generation_s = generation.typed_data();
    all.processing_s = processing.typed_data();
    all.place = place.typed_data();
    all.hop_s = hop.typed_data();
    all.latency_s = latency->typed_data();
    all.resource = resource->typed_data();
    follow_messages(all, static_cast<int>(threads));
  });
}

XLA_FFI_DEFINE_HANDLER(messages_handler, messages,
                       ffi::Ffi::Bind()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<F64>()
                           .Arg<F64>()
                           .Arg<I64>()
                           .Arg<F64>()
                           .Ret<F64>()
                           .Ret<I32>()
                           .Attr<ffi::Span<const int64_t>>("sizes")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(rows_handler, rows,
                       ffi::Ffi::Bind()
                           .Arg<I64>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<ffi::Buffer<ffi::PRED>>()
                           .Ret<I64>()
                           .Ret<I64>()
                           .Ret<I64>()
                           .Ret<I64>()
                           .Ret<I64>()
                           .Attr<ffi::Span<const int64_t>>("sizes")
                           .Attr<ffi::Span<const int64_t>>("names")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(traffic_handler, traffic,
                       ffi::Ffi::Bind()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<I64>()
                           .Arg<F64>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::Buffer<ffi::U16>>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<I32>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<F64>()
                           .RemainingArgs()
                           .Ret<I64>()
                           .Ret<I64>()
                           .Ret<F64>()
                           .Ret<I64>()
                           .Attr<ffi::Span<const int64_t>>("sizes")
                           .Attr<ffi::Span<const int64_t>>("stages")
                           .Attr<int64_t>("interval")
                           .Attr<int64_t>("shift")
                           .Attr<int64_t>("row_begin")
                           .Attr<int64_t>("row_count")
                           .Attr<bool>("few")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(stage_handler, stage,
                       ffi::Ffi::Bind()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<ffi::Span<const int64_t>>("plan")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(gradients_handler, gradients,
                       ffi::Ffi::Bind()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<ffi::Span<const int64_t>>("plan")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(wide_handler, wide,
                       ffi::Ffi::Bind()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<ffi::Span<const int64_t>>("plan")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(channels_first_handler, to_channels_first,
                       ffi::Ffi::Bind()
                           .Arg<ffi::Buffer<ffi::U8>>()
                           .Ret<ffi::Buffer<ffi::U8>>()
                           .Attr<int64_t>("size")
                           .Attr<int64_t>("channels")
                           .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER(totals_handler, totals,
                       ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::U8>>().Ret<ffi::Buffer<ffi::S64>>());

XLA_FFI_DEFINE_HANDLER(active_share_handler, active_share,
                       ffi::Ffi::Bind()
                           .Arg<ffi::Buffer<ffi::U8>>()
                           .Ret<ffi::Buffer<ffi::F32>>()
                           .Attr<int64_t>("bits"));

struct Handler {
  const char* name;
  XLA_FFI_Handler* function;
};

const Handler kHandlers[] = {
    {"chipletsim_stage", stage_handler},
    {"chipletsim_gradients", gradients_handler},
    {"chipletsim_channels_first", channels_first_handler},
    {"chipletsim_totals", totals_handler},
    {"chipletsim_active_share", active_share_handler},
    {"chipletsim_traffic", traffic_handler},
    {"chipletsim_rows", rows_handler},
    {"chipletsim_messages", messages_handler},
    {"chipletsim_wide", wide_handler},
};

PyObject* handlers(PyObject*, PyObject*) {
  PyObject* found = PyDict_New();
  for (const Handler& each : kHandlers) {
    PyObject* capsule =
        found ? PyCapsule_New(reinterpret_cast<void*>(each.function), nullptr, nullptr) : nullptr;
    if (!capsule || PyDict_SetItemString(found, each.name, capsule) < 0) {
      Py_XDECREF(capsule);
      Py_XDECREF(found);
      return nullptr;
    }
    Py_DECREF(capsule);
  }
  return found;
}

// Whether this processor has what the x86-64-v3 module is compiled for.
PyObject* has_v3(PyObject*, PyObject*) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  return PyBool_FromLong(__builtin_cpu_supports("x86-64-v3"));
#else
  return PyBool_FromLong(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"));
#endif
#else
  Py_RETURN_FALSE;
#endif
}

// What it was compiled from, so that a module that is older than the sources is not used.
#if !defined(CHIPLETSIM_SOURCES)
#define CHIPLETSIM_SOURCES
#endif
PyObject* sources(PyObject*, PyObject*) { return PyUnicode_FromString(TEXT(CHIPLETSIM_SOURCES)); }

PyMethodDef kMethods[] = {
    {"cycle", call_bursts<flit_burst>, METH_VARARGS, "Run bursts flit by flit."},
    {"queue", call_bursts<packet_burst>, METH_VARARGS, "Run bursts packet by packet."},
    {"handlers", handlers, METH_NOARGS, "Return name to capsule of each function."},
    {"has_v3", has_v3, METH_NOARGS, "Return whether this processor runs x86-64-v3 code."},
    {"sources", sources, METH_NOARGS, "Return the fingerprint of its sources, or nothing."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef kModule = {PyModuleDef_HEAD_INIT,
                       "chipletsim.kernels." TEXT(CHIPLETSIM_MODULE),
                       nullptr,
                       -1,
                       kMethods,
                       nullptr,
                       nullptr,
                       nullptr,
                       nullptr};

}  // namespace
}  // namespace chipletsim

#define JOINED(first, second) first##second
#define INIT(name) JOINED(PyInit_, name)
PyMODINIT_FUNC INIT(CHIPLETSIM_MODULE)(void) { return PyModule_Create(&chipletsim::kModule); }
