"""Descent: lookup tables filled by the change in the training loss that each of their bits causes.

The memorizing learner fills a table by majority vote in which every example weighs the same. Here each example
weighs as much as the loss changes when this LUT answers 1 instead of 0, all other LUTs fixed:

* Some LUTs are votes, each for one output, a class say; the score of an output is the sum of the weights of its votes
  that are one, and a loss says what scores cost on an example, in integers (`loss`). The other LUTs are hidden.
* For one LUT, d_i = loss of example i with its bit at 1 minus loss with its bit at 0. For a hidden LUT that is read
  once, this is the d_i of the vote above where the path to it is sensitive, with its sign (the Boolean difference),
  else 0; for one that several inputs read, all votes above it are evaluated with its bit flipped.
* For a given wiring the best table has entry p = 1 where the d_i of the examples that show pattern p sum to less
  than zero, and what it saves is the sum of these negative sums.
* For one input, with the other inputs fixed, the value of EVERY signal follows from one pass over the examples
  whose d_i is not zero: sort them by the other inputs' pattern, and add d_i to one sum for each set bit of the
  example's code. Each visit of a LUT moves its inputs, one after the other, to the best signal there is (`moves`).
* Growth: an input that reads an encoder bit is replaced by a LUT of its own which starts as a wire, so the loss
  starts where it was. Inputs are grown where that saves most (`growth`).
* Sharing: an input may move to a hidden LUT of a lower level as well as to an encoder bit (`candidates`).

A step is taken only if the exact integer loss does not rise: coordinate descent on the tables and the wiring.
Sums of integers do not depend on their order, so the result depends on the data, the options and the seed alone.
"""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.learn.descent.moves import Trainer
    from lut2hw.learn.descent.problem import Problem, encode_examples
    from lut2hw.learn.descent.schedule import Progress
    from lut2hw.learn.descent.softmax import Softmax, default_tau
    from lut2hw.learn.descent.train import train_descent

__all__ = ["Problem", "Progress", "Softmax", "Trainer", "default_tau", "encode_examples", "train_descent"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Problem": "problem",
        "Progress": "schedule",
        "Softmax": "softmax",
        "Trainer": "moves",
        "default_tau": "softmax",
        "encode_examples": "problem",
        "train_descent": "train",
    },
)
