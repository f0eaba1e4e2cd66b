//! Pages speak the language of whoever reads them.

use super::request::{replan, send};
use super::{FIRST_ISSUE, address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::language::Language;
use nurtured::domain::suppression::StopReason;
use nurtured::town::BROWSER;

story!(somebody_who_reads_spanish_unsubscribes_in_spanish, |town| {
    let ada = address("ada@albareda.example");
    let mut arrival = somebody(ada.as_str());
    arrival.fields.insert(name("language"), "es".to_owned());
    town.admit(&[arrival], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let link = town.newest_to(&ada)?.unsubscribe.expect("a way out");
    let shown = town.ask(Method::GET, &link, BROWSER, "").await?.body;
    for words in ["<html lang=\"es\">", "¿No quiere más boletines?", "Darme de baja", "Tecnofab no le enviará más boletines"]
    {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let done = town.ask(Method::POST, &link, BROWSER, "").await?;
    assert!(done.status == 200 && done.body.contains("Se ha dado de baja"), "{}", done.body);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

story!(an_answer_is_thanked_for_in_the_readers_language, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    let mut reads_spanish = somebody(ada.as_str());
    reads_spanish.fields.insert(name("language"), "Español".to_owned());
    let mut reads_catalan = somebody(bea.as_str());
    reads_catalan.fields.insert(name("language"), "ca".to_owned());
    town.admit(&[reads_spanish, reads_catalan], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let shown = town.answer(&ada, "More than 20 hours").await?.body;
    for words in ["<html lang=\"es\">", "Gracias", "Hemos anotado: «More than 20 hours».", "2 preguntas más, si quiere"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let shown = town.answer(&bea, "More than 20 hours").await?.body;
    assert!(shown.contains("<html lang=\"en\">") && shown.contains("We noted: “More than 20 hours”."), "{shown}");
    Ok(())
});

story!(what_went_wrong_is_said_in_the_visitors_language, |town| {
    replan(&town, |plan| plan.settings.organisation.languages = vec![Language::English, Language::Spanish])?;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "es-MX, en;q=0.5")];
    for (method, path, status, words) in [
        (Method::GET, "/u/forged", 404, "Este enlace no lleva a ninguna parte"),
        (Method::GET, "/nowhere", 404, "Este enlace no lleva a ninguna parte"),
        (Method::POST, "/f/no-such-form", 404, "Ese formulario no existe"),
        (Method::POST, "/f/quote", 422, "Falta su dirección de correo"),
    ] {
        let answer = send(&town, method, path, &form, b"name=Ada").await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(words) && answer.body.contains("<html lang=\"es\">"), "{path}:\n{}", answer.body);
        assert!(answer.header("content-security-policy").is_some() && answer.header("cache-control") == Some("no-store"));
    }
    let english = send(&town, Method::GET, "/u/forged", &[("accept-language", "de")], b"").await?;
    assert!(english.body.contains("This link does not lead anywhere"), "{}", english.body);
    Ok(())
});
