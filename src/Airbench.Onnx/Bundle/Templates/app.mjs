// The page: images in, classes out, and what "teach it" makes of the model.
import { look, openCamera, paint } from './images.mjs';
import { Model } from './model.mjs';
import { attempt, fail } from './notice.mjs';
import { setUpTeaching } from './teach.mjs';

const $ = (id) => document.getElementById(id);
const TOP = 5;
const state = { ort: null, metadata: null, current: null, image: null }; // image: the file that is on the page
let stopStream;
let timer;
let turn = 0;

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}. Serve the folder above web/, not web/ itself.`);
  return answer;
}

async function start() {
  try {
    state.ort = await import('./ort/ort.wasm.min.mjs');
  } catch {
    throw new Error('onnxruntime-web is not beside this page: put its files into web/ort/ as the README of the model says, then reload.');
  }
  state.ort.env.wasm.wasmPaths = new URL('./ort/', location.href).href;
  state.ort.env.wasm.numThreads = 1;
  const metadata = state.metadata = await (await get('../metadata.json')).json();
  const wanted = new URLSearchParams(location.search).get('model') ?? 'fp32'; // ?model=adaptive: another variant of the bundle
  const variant = Object.hasOwn(metadata.variants, wanted) ? metadata.variants[wanted] : null;
  if (!variant) throw new Error(`There is no model '${wanted}' here, only ${Object.keys(metadata.variants).join(', ')}.`);
  const [bytes, step] = await Promise.all([`../${variant.file}`, './train_step.onnx'].map(async (path) => new Uint8Array(await (await get(path)).arrayBuffer())));
  const about = `${metadata.classes.length} classes, trained on ${metadata.dataset_name}${metadata.synthetic ? ' (synthetic: drawn images)' : ''}`
    + `${wanted === 'fp32' ? '' : `; ${variant.file}`}; ${accuracyOf(metadata, wanted)}`;
  const original = await open(bytes, metadata.name, about, metadata.classes);
  use(original);
  setUpTeaching({ ort: state.ort, metadata, base: new Model(bytes), step, original, open, use });
  document.body.dataset.state = 'ready';
}

/** What the tests of this very model said. */
function accuracyOf({ accuracy, variants }, name) {
  const own = variants[name].score;
  const [share, count] = own ? [own.accuracy, own.count] : accuracy && name === 'fp32' ? [accuracy.plain.accuracy, accuracy.count] : [];
  return share === undefined ? 'its accuracy was not measured' : `${(100 * share).toFixed(1)}% of ${count.toLocaleString('en')} test images correct`;
}

/** A model that can be shown: its session and its classes. */
async function open(bytes, title, about, classes) {
  return { bytes, title, about, classes, session: await state.ort.InferenceSession.create(bytes) };
}

/** Shows answers of this model from now on, also to the image that is on the page. */
function use(model) {
  state.current = model;
  document.title = $('title').textContent = model.title;
  $('about').textContent = model.about;
  $('classes').replaceChildren();
  $('empty').hidden = false;
  $('seen').hidden = true;
  if (state.image) attempt(() => classify(state.image));
}

const ready = start();
ready.catch((error) => {
  $('about').textContent = '';
  fail(error.message);
  document.body.dataset.state = 'failed';
});

async function classify(source) {
  const mine = ++turn;
  await ready;
  const model = state.current;
  const { input, pixels } = await look(source, state.metadata);
  const began = performance.now();
  const { logits, probabilities } = await model.session.run({ [input.name]: new state.ort.Tensor(input.type, input.data, input.dims) });
  if (mine !== turn || model !== state.current) return; // a newer image or model came meanwhile
  show(model.classes, [...probabilities.data], [...logits.data], pixels, performance.now() - began);
}

function show(classes, probabilities, logits, pixels, milliseconds) {
  const size = state.metadata.image_size;
  const best = [...probabilities.entries()].sort((a, b) => b[1] - a[1]).slice(0, TOP);
  $('classes').replaceChildren(...best.map(([k, p]) => {
    const item = document.createElement('li');
    item.innerHTML = '<div class="row"><span class="name"></span><span class="share"></span></div><div class="track"><div class="bar"></div></div>';
    Object.assign(item.dataset, { probability: p, logit: logits[k] });
    item.querySelector('.name').textContent = classes[k];
    item.querySelector('.share').textContent = `${(100 * p).toFixed(1)}%`;
    item.querySelector('.bar').style.width = `${100 * p}%`;
    return item;
  }));
  paint($('pixels'), pixels, size);
  $('time').textContent = `${size}×${size} pixels, ${milliseconds.toFixed(1)} ms`;
  $('empty').hidden = true;
  $('seen').hidden = false;
  document.body.dataset.shown = Number(document.body.dataset.shown ?? 0) + 1;
}

function take(files) {
  stopCamera();
  return attempt(async () => {
    if (files.length === 0) throw new Error('That was no image file: save the image first, then drop or choose its file.');
    const [file] = files;
    await classify(file);
    state.image = file;
    URL.revokeObjectURL($('image').src);
    $('image').src = URL.createObjectURL(file);
    $('image').hidden = false;
    $('hint').hidden = true;
    if (files.length > 1) fail(`Only ${file.name} is shown, the first of ${files.length} files.`);
  });
}

function stopCamera() {
  clearTimeout(timer);
  turn++;
  if (!stopStream) return;
  stopStream();
  stopStream = undefined;
  $('camera').textContent = 'Camera';
  $('hint').hidden = false;
}

async function startCamera() {
  stopStream = await openCamera($('video'));
  state.image = null;
  $('image').hidden = $('hint').hidden = true;
  $('camera').textContent = 'Stop';
  const next = async () => {
    await attempt(() => classify($('video')));
    if (stopStream) timer = setTimeout(next, 150);
  };
  next();
}

$('file').addEventListener('change', (event) => { take([...event.target.files]); event.target.value = ''; });
$('camera').addEventListener('click', () => (stopStream ? stopCamera() : attempt(startCamera)));
$('camera').disabled = !navigator.mediaDevices?.getUserMedia;
addEventListener('paste', (event) => event.clipboardData.files.length && take([...event.clipboardData.files]));
addEventListener('dragover', (event) => { event.preventDefault(); $('drop').classList.add('over'); });
addEventListener('dragleave', () => $('drop').classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  take([...event.dataTransfer.files]);
});
