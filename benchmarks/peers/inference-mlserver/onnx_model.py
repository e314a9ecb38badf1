"""A model class for MLServer on ONNX Runtime, one thread."""

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = payload.inputs[0]
        values = NumpyCodec.decode_input(tensor).astype(np.float32, copy=False)
        feeds = {tensor.name: values.reshape(tensor.shape)}
        outputs = self._session.run(None, feeds)
        names = [output.name for output in self._session.get_outputs()]
        return InferenceResponse(
            model_name=self.name,
            outputs=[NumpyCodec.encode_output(name, value) for name, value in zip(names, outputs)],
        )
