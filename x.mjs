import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importModelFile, prepareImport, compilePlan, initializeParameters, exportModel, onnxruntimeInference } from '/work/wt-import/engine/dist/index.js';
const L = tfl.layers;
function functional(){ const x=tfl.input({shape:[9,9,2]}); let y=L.conv2d({filters:4,kernelSize:3,strides:2,padding:'same',activation:'relu',useBias:false}).apply(x); y=L.batchNormalization().apply(y); const z=L.depthwiseConv2d({kernelSize:3,padding:'same',depthMultiplier:1}).apply(y); y=L.add().apply([y,z]); y=L.concatenate().apply([y,z]); y=L.separableConv2d({filters:5,kernelSize:2}).apply(y); y=L.upSampling2d({size:[2,2]}).apply(y); y=L.zeroPadding2d({padding:1}).apply(y); y=L.averagePooling2d({poolSize:2,strides:2,padding:'same'}).apply(y); y=L.globalAveragePooling2d({}).apply(y); y=L.leakyReLU({}).apply(y); return tfl.model({inputs:x,outputs:L.dense({units:3,activation:'softmax'}).apply(y)}); }
const models = {
 mlp: tfl.sequential({layers:[L.dense({inputShape:[5],units:7,activation:'relu'}),L.dropout({rate:0.2}),L.dense({units:3})]}),
 cnn: tfl.sequential({layers:[L.conv2d({inputShape:[8,8,2],filters:3,kernelSize:3,activation:'relu'}),L.batchNormalization(),L.maxPooling2d({poolSize:2}),L.flatten(),L.dense({units:3})]}),
 conv1d: tfl.sequential({layers:[L.conv1d({inputShape:[12,2],filters:3,kernelSize:3,padding:'causal',dilationRate:2,activation:'elu'}),L.maxPooling1d({poolSize:2}),L.layerNormalization(),L.flatten(),L.reshape({targetShape:[6,3]}),L.globalMaxPooling1d(),L.dense({units:3,activation:'sigmoid'})]}),
 lstm: tfl.sequential({layers:[L.embedding({inputDim:10,outputDim:4,inputShape:[6]}),L.lstm({units:3,returnSequences:true,recurrentInitializer:'glorotNormal'}),L.lstm({units:4,recurrentActivation:'sigmoid',recurrentInitializer:'glorotNormal'}),L.dense({units:3})]}),
 functional: functional(),
};
for (const [n,m] of Object.entries(models)) {
  m.setWeights(m.getWeights().map(w=>tf.add(w, tf.abs(tf.randomNormal(w.shape,0,0.3)))));
  const dir = mkdtempSync('/tmp/unseen/tfjs-');
  await m.save({save: async a => { writeFileSync(join(dir,'w.bin'), new Uint8Array(a.weightData)); writeFileSync(join(dir,'model.json'), JSON.stringify({format:'layers-model', modelTopology:a.modelTopology, weightsManifest:[{paths:['w.bin'],weights:a.weightSpecs}]})); return {modelArtifactsInfo:{}}; }});
  try {
  const p = prepareImport(join(dir,'model.json')); const model = importModelFile(join(dir,'model.json'));
  const plan = compilePlan(model,{loss:{kind:'mean-squared-error'},optimizer:{kind:'sgd'},batchSize:2});
  const s = await onnxruntimeInference.load(exportModel(plan, initializeParameters(model,0)));
  const shape=[2,...model.inputShape]; const x = n==='lstm'? tf.floor(tf.randomUniform(shape,0,10)) : tf.randomNormal(shape);
  const want = await m.predict(x).data(); const got = await s.predict(new Float32Array(await x.data()), 2);
  console.log(n, p.logits, model.parameters.length, Math.max(...[...want].map((v,i)=>Math.abs(v-got[i]))), [...want].slice(0,3), [...got].slice(0,3));
  } catch (e) { console.log(n, e.message, e.stack); }
}
