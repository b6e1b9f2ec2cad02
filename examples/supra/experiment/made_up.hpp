// The teacher that an experiment makes where none is given, and its text: kept beside the experiments' folders, for all of
// them.
#pragma once

#include <string>

#include "file.hpp"

namespace supra::program::experiments {

struct made_up {
  std::string text;         // the stories' file
  double entropy;           // of the held-out stories, nats per token
};

// Writes the stories into `folder` where they are not there yet.
made_up make_stories(const std::string& folder, double held_out);

// Its folder in `folder`: pretrained there unless that was done; a pretraining that was cut off goes on.
std::string make_teacher(commands&, const made_up_teacher&, const std::string& folder, const std::string& text);

// "dim32-layers2": what differs from the usual one.
std::string made_up_name(const made_up_teacher&);

json told(const made_up_teacher&);

}  // namespace supra::program::experiments
