// Barcodes from the camera, and photos made small enough to send. The reader is loaded when the camera first opens.
window.rdCamera = (() => {
  "use strict";
  const FORMATS = ["Code128", "Code39", "Code93", "ITF", "QRCode", "DataMatrix"];
  const LONGEST = 1600, QUALITY = 0.8;
  let reader = null, stream = null;

  function load(script, wasm) {
    reader ||= new Promise((resolve, reject) => {
      const tag = document.createElement("script");
      tag.src = script;
      tag.onerror = () => { reader = null; tag.remove(); reject(new Error("not loaded")); };
      tag.onload = () => {
        ZXingWASM.prepareZXingModule({ overrides: { locateFile: (name, prefix) => (name.endsWith(".wasm") ? wasm : prefix + name) } });
        resolve(ZXingWASM);
      };
      document.head.append(tag);
    });
    return reader;
  }

  // Show the camera in `video` until `taken` says yes to a text that was read. Rejects where no camera opens.
  async function open(video, { script, wasm, taken }) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("no camera here");
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "environment", width: { ideal: 1280 } } });
    video.srcObject = stream;
    await video.play();
    const mine = stream, zxing = await load(script, wasm);
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
    const look = async () => {
      if (stream !== mine) return;
      if (video.videoWidth) {
        canvas.width = video.videoWidth; canvas.height = video.videoHeight;
        pen.drawImage(video, 0, 0);
        const picture = pen.getImageData(0, 0, canvas.width, canvas.height);
        const found = await zxing.readBarcodes(picture, { formats: FORMATS, maxNumberOfSymbols: 3 }).catch(() => []);
        if (stream === mine && found.some((code) => taken(code.text))) return;
      }
      setTimeout(look, 120);
    };
    look();
  }

  function close(video) {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  }

  // A photo as JPEG, its longest side 1600 pixels at most. Rejects what is no picture.
  async function smaller(file) {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY);
    });
  }
  return { open, close, smaller };
})();
