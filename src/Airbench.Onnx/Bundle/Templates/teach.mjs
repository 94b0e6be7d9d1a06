// "Teach it": classes with a few images each, a training that can be watched, and the adapted model as a file.
import { look, openCamera, paint } from './images.mjs';
import { Model } from './model.mjs';
import { attempt } from './notice.mjs';
import { Teacher, isKeptAside } from './teacher.mjs';

const $ = (id) => document.getElementById(id);
const LEAST_CLASSES = 2;
const LEAST_IMAGES = 2;

/**
 * Brings the section to life, or hides it where the model's head is not one that can be taught.
 * @param page onnxruntime-web, the bundle's metadata, the model to teach, train_step.onnx, the model as shown, and how to open and show one
 */
export function setUpTeaching(page) {
  if (!page.base.head) return;
  const lessons = [];
  let teacher;
  let adapted;
  let stopStream;
  $('teach').hidden = false;
  const openTeacher = () => (teacher ??= Teacher.open(page.ort, page.base, page.step));

  function addClass() {
    const row = $('lesson').content.firstElementChild.cloneNode(true);
    const lesson = { row, images: [] };
    lessons.push(lesson);
    const part = (name) => row.querySelector(`.${name}`);
    part('label').value = `class ${lessons.length}`;
    part('label').addEventListener('input', update);
    part('files').addEventListener('change', async (event) => {
      const files = [...event.target.files];
      await add(lesson, files);
      event.target.value = '';
    });
    part('pick').addEventListener('click', () => part('files').click());
    part('remove').addEventListener('click', () => {
      lessons.splice(lessons.indexOf(lesson), 1);
      if (row.contains(document.querySelector('video.live'))) closeCamera();
      row.remove();
      update();
    });
    part('film').addEventListener('click', () => attempt(() => film(lesson)));
    part('film').disabled = !navigator.mediaDevices?.getUserMedia;
    part('take').addEventListener('click', () => add(lesson, [row.querySelector('video')]));
    row.addEventListener('dragover', (event) => { event.preventDefault(); event.stopPropagation(); row.classList.add('over'); });
    row.addEventListener('dragleave', () => row.classList.remove('over'));
    row.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopPropagation();
      row.classList.remove('over');
      add(lesson, [...event.dataTransfer.files]);
    });
    $('lessons').append(row);
    update();
    return lesson;
  }

  async function add(lesson, sources) {
    const reasons = [];
    await attempt(async () => {
      const teacherNow = await openTeacher();
      for (const source of sources) {
        try {
          const { input, pixels } = await look(source, page.metadata);
          addImage(lesson, Float32Array.from(await teacherNow.features(input)), pixels);
        } catch (error) {
          reasons.push(error.message);
        }
      }
      if (sources.length === 0) throw new Error('That was no image file: save the image first, then drop or choose its file.');
      if (reasons.length > 0) throw new Error([`${reasons.length} of ${sources.length} images left out:`, ...reasons.slice(0, 5), ...(reasons.length > 5 ? ['…'] : [])].join('\n'));
    });
    document.body.dataset.taken = lessons.reduce((sum, { images }) => sum + images.length, 0);
  }

  function addImage(lesson, features, pixels) {
    const image = { features };
    lesson.images.push(image);
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'thumb';
    button.title = 'Take it out';
    button.setAttribute('aria-label', 'Take this image out');
    button.append(document.createElement('canvas'));
    paint(button.firstChild, pixels, page.metadata.image_size);
    button.addEventListener('click', () => {
      lesson.images.splice(lesson.images.indexOf(image), 1);
      button.remove();
      update();
    });
    lesson.row.querySelector('.thumbs').append(button);
    update();
  }

  function closeCamera() {
    stopStream?.();
    stopStream = undefined;
    for (const { row } of lessons) {
      row.querySelector('.film').textContent = 'Camera';
      row.querySelector('.take').hidden = true;
      row.querySelector('video').classList.remove('live');
    }
  }

  async function film({ row }) {
    const video = row.querySelector('video');
    const isOpen = video.classList.contains('live');
    closeCamera();
    if (isOpen) return;
    stopStream = await openCamera(video);
    video.classList.add('live');
    row.querySelector('.film').textContent = 'Stop';
    row.querySelector('.take').hidden = false;
  }

  const names = () => lessons.map(({ row }) => row.querySelector('.label').value.trim());

  /** What stands in the way of learning; empty where nothing does. */
  function obstacle() {
    const given = names();
    if (lessons.length < LEAST_CLASSES) return 'At least two classes are needed.';
    if (given.some((n) => !n)) return 'Every class needs a name.';
    if (new Set(given).size < given.length) return 'Two classes have the same name.';
    const short = lessons.findIndex(({ images }) => images.length < LEAST_IMAGES);
    if (short >= 0) return `“${given[short]}” needs ${LEAST_IMAGES} or more images; ten are a good start.`;
    return '';
  }

  function update() {
    for (const { row, images } of lessons) {
      row.querySelector('.count').textContent = images.length === 1 ? '1 image' : `${images.length} images`;
      [...row.querySelectorAll('.thumb')].forEach((thumb, i) => thumb.classList.toggle('aside', isKeptAside(i)));
    }
    const problem = obstacle();
    $('learn').disabled = problem !== '';
    $('obstacle').textContent = problem;
    $('legend').hidden = !lessons.some(({ images }) => images.length > 4);
  }

  async function learn() {
    $('learn').disabled = true;
    $('progress').hidden = false;
    try {
      const using = await openTeacher();
      const [features, classes] = [lessons.map(({ images }) => images.map((image) => image.features)), names()];
      let [head, tested] = await run(using.train(features, isKeptAside), '');
      // The held-out images have served to test: now they are learned too.
      if (tested.count) [head] = await run(using.train(features, () => false), 'once more, with the held-out images: ', tested);
      const taught = features.map((list) => list.length);
      const bytes = using.adapt(head, classes, taught.reduce((sum, n) => sum + n, 0), tested);
      adapted = await page.open(bytes, `${page.original.title}, taught`, classes.map((name, i) => `${name} (${taught[i]} images)`).join(', '), classes);
      page.use(adapted);
      showResult(true);
      document.body.dataset.taught = Number(document.body.dataset.taught ?? 0) + 1;
    } finally {
      update();
    }
  }

  /** Watches a training to its end; returns the head and the last score of the held-out images, or `tested` again. */
  async function run(training, prefix, tested) {
    for (;;) {
      const { done, value } = await training.next();
      if (done) return [value, tested];
      tested = prefix ? tested : value.keptAside;
      report(prefix, value, tested);
      await new Promise(requestAnimationFrame);
    }
  }

  function report(prefix, { step, steps, losses, learned }, tested) {
    const share = ({ right, count }) => (count ? `${right} of ${count}` : '–');
    $('steps').textContent = `${prefix}step ${step} of ${steps}`;
    $('loss').textContent = losses.at(-1).toFixed(3);
    $('learned').textContent = share(learned);
    $('aside').textContent = share(tested);
    const top = Math.max(...losses, 1e-6);
    $('curve').setAttribute('points', losses.map((loss, i) => `${(100 * i) / (steps - 1)},${39 - (38 * loss) / top}`).join(' '));
  }

  function showResult(isAdapted) {
    $('download').hidden = $('original').hidden = !isAdapted;
  }

  function download() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([adapted.bytes], { type: 'application/octet-stream' }));
    link.download = `${page.original.title}-taught.onnx`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  function openModel(name, bytes) {
    let model;
    try {
      model = new Model(bytes);
    } catch (error) {
      throw new Error(`${name}: ${error.message}`);
    }
    if (!model.classes || !['logits', 'probabilities'].every((n) => model.outputs.includes(n))) {
      throw new Error(`${name}: not a model of this page; expected outputs logits and probabilities, and class names in its metadata.`);
    }
    if (!model.takesInputOf(page.base)) throw new Error(`${name}: its input is not that of this page's model.`);
    return model;
  }

  async function load(file) {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    const model = openModel(file.name, bytes);
    adapted = await page.open(bytes, file.name.replace(/\.onnx$/, ''), model.properties.get('adapted') ?? 'opened from a file', model.classes);
    page.use(adapted);
    showResult(true);
    document.body.dataset.loaded = Number(document.body.dataset.loaded ?? 0) + 1;
  }

  $('add-class').addEventListener('click', () => addClass().row.querySelector('.label').select());
  $('learn').addEventListener('click', () => attempt(learn));
  $('download').addEventListener('click', download);
  $('original').addEventListener('click', () => { page.use(page.original); showResult(false); });
  $('open').addEventListener('change', async (event) => { await attempt(() => load(event.target.files[0])); event.target.value = ''; });
  addClass();
  addClass();
}
