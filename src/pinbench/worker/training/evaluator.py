"""What a model in training is worth: its probabilities of the evaluation split, each row scored once."""

from dataclasses import replace

from pinbench.contract.result import Accuracy
from pinbench.worker.metrics.click_scores import ClickScores
from pinbench.worker.training.feed import Feed, Reading, RowSource
from pinbench.worker.training.trainer import Trainer


class Evaluator:
    """The first `rows` rows of a split, in batches of `batch_size`, read ahead while the model computes."""

    def __init__(
        self, source: RowSource, rows: int, batch_size: int, reading: Reading, bayes_auc: float | None
    ) -> None:
        self.rows = rows
        self._source = source
        self._batch_size = batch_size
        self._reading = reading
        self._bayes_auc = bayes_auc

    def judge(self, trainer: Trainer) -> Accuracy:
        """Return what `trainer`'s probabilities are worth.

        Raises:
            ModelError: a probability is NaN.
            DataError: all rows have the same label, or a row is not what was written.
        """
        scores = ClickScores(self.rows)
        feed = Feed(self._source, self._batch_size, self._reading)
        try:
            feed.open(0)
            while scores.taken < self.rows:
                batch = feed.next()
                assert batch.label_B is not None
                scores.take(trainer.predict(batch), batch.label_B)
        finally:
            feed.close()
        return replace(scores.judge(), bayes_auc=self._bayes_auc)
