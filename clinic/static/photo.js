// The photo page: shows what the camera sees, crops to 4:5, and puts the picture into the form's file field, so that it
// is sent like any file. A chosen file is made small here too, for slow lines. Without it the file field works alone.
const form = document.querySelector("form[data-camera]");
const part = (name) => form.querySelector(`[data-${name}]`);

if (form) {
  const field = form.elements.photo, source = form.elements.source;
  const [stage, video, still, oval, status, actions] = ["stage", "video", "still", "oval", "status", "actions"].map(part);
  const [start, shoot, again] = ["start", "shoot", "again"].map(part);
  let stream = null;

  const show = (element, visible) => { element.hidden = !visible; };

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
  }

  async function open() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 }, height: { ideal: 960 } } });
    } catch (problem) {
      status.textContent = problem.name === "NotAllowedError" ? form.dataset.refused : form.dataset.missing;
      return;
    }
    video.srcObject = stream;
    await video.play();
    status.textContent = "";
    for (const element of [stage, video, oval, shoot]) show(element, true);
    for (const element of [still, start, again]) show(element, false);
    shoot.focus();
  }

  // The largest 4:5 part around the middle of `picture`, onto the canvas; then into the file field as a JPEG.
  function keep(picture, width, height, name) {
    const wide = Math.min(width, height * 0.8), high = wide / 0.8;
    still.getContext("2d").drawImage(picture, (width - wide) / 2, (height - high) * 0.45, wide, high, 0, 0, still.width, still.height);
    for (const element of [stage, still]) show(element, true);
    for (const element of [video, oval, shoot]) show(element, false);
    return new Promise((done) => {
      still.toBlob((blob) => {
        const files = new DataTransfer();
        files.items.add(new File([blob], name, { type: "image/jpeg" }));
        field.files = files.files;
        done();
      }, "image/jpeg", 0.92);
    });
  }

  if (navigator.mediaDevices?.getUserMedia) {
    show(actions, true);
    start.addEventListener("click", open);
    again.addEventListener("click", open);
    shoot.addEventListener("click", async () => {
      await keep(video, video.videoWidth, video.videoHeight, "photo.jpg");
      stop();
      source.value = "camera";
      show(again, true);
      status.textContent = form.dataset.taken;
      form.querySelector("button[type=submit]").focus();
    });
  }
  field.addEventListener("change", async () => {
    source.value = "file";
    stop();
    const chosen = field.files[0];
    const bitmap = chosen && await createImageBitmap(chosen).catch(() => null);
    if (!bitmap) return;
    if (Math.min(bitmap.width / still.width, bitmap.height / still.height) >= 1) await keep(bitmap, bitmap.width, bitmap.height, chosen.name);
    if (stream === null) show(start, true);
  });
  addEventListener("pagehide", stop);
}
